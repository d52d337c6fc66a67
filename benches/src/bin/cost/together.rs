//! Makes calls on two threads that are both at work from the first call to the last.
//!
//! The threads share out the calls of a stretch in portions. So a stretch ends for both at once,
//! however much slower one of them is.

use crate::threads::{Both, Meeting};
use crate::wall::Samples;
use breaker_benches::Calls;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The calls of a portion.
const PORTION: u64 = 500;
/// The portions that each thread makes in a stretch, if both are as fast.
const PORTIONS: u64 = 40;
const STRETCHES: usize = 20;
/// The scheduler needs it to give each thread a core of its own.
const SETTLING: Duration = Duration::from_millis(20);

/// Interleaved rounds of all subjects, on one thread and on two. The time of two is that of both
/// for one call each.
pub(crate) fn rounds(all: &[Calls], rounds: usize, runtime: &Runtime) -> Vec<Both> {
    let mut samples = vec![Both::default(); all.len()];
    for _ in 0..rounds {
        for (calls, samples) in all.iter().zip(&mut samples) {
            stretches(calls, 1, &mut samples.one, runtime);
            stretches(calls, 2, &mut samples.two, runtime);
        }
    }
    samples
}

fn stretches(calls: &Calls, threads: u32, samples: &mut Samples, runtime: &Runtime) {
    let meeting = Meeting::of(threads as usize);
    let left = [const { AtomicU64::new(0) }; STRETCHES];
    for left in &left {
        left.store(PORTIONS * u64::from(threads), Ordering::Relaxed);
    }
    let work = || {
        let _entered = runtime.enter();
        let begun = Instant::now();
        while begun.elapsed() < SETTLING {
            calls.run(PORTION);
        }
        let stretch = |(number, left): (usize, &AtomicU64)| {
            meeting.wait(number + 1);
            let (begun, mut made) = (Instant::now(), 0);
            while take(left) {
                calls.run(PORTION);
                made += 1;
            }
            Share { time: begun.elapsed(), made }
        };
        left.iter().enumerate().map(stretch).collect::<Vec<_>>()
    };
    let shares = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        others.into_iter().fold(mine, |all, other| {
            all.into_iter().zip(other.join().unwrap_or_default()).map(|(one, other)| one.with(other)).collect()
        })
    });
    for share in shares.iter().filter(|share| share.made >= PORTIONS / 2) {
        samples.add(share.time, PORTIONS * PORTION);
    }
}

/// What a thread did in a stretch.
#[derive(Clone, Copy)]
struct Share {
    time: Duration,
    /// The portions that it made. A thread that has to wait for a core makes few of them, and such
    /// a stretch does not count.
    made: u64,
}

impl Share {
    /// The longer time, and the fewer portions.
    fn with(self, other: Self) -> Self {
        Self { time: self.time.max(other.time), made: self.made.min(other.made) }
    }
}

/// Takes one portion, if there is one left.
fn take(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
