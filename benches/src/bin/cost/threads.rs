//! Makes the same calls on one thread, and on two threads that share the breaker.

use crate::wall::Samples;
use breaker_benches::Calls;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// A stretch is shorter than a scheduler's time slice, so most stretches run without interruption.
const CALLS: u64 = 5_000;
const STRETCHES: usize = 40;

/// What one call takes, on one thread and on two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Both {
    pub(crate) one: Samples,
    pub(crate) two: Samples,
}

impl Both {
    /// How much slower a call is on two threads.
    pub(crate) fn ratio(&self) -> f64 {
        self.two.median() / self.one.median()
    }
}

/// Interleaved rounds of all subjects, on one thread and on two. The runtime serves subjects that
/// wait by its timer.
pub(crate) fn rounds(all: &[Calls], rounds: usize, runtime: &Runtime) -> Vec<Both> {
    let mut samples = vec![Both::default(); all.len()];
    for _ in 0..rounds {
        for (calls, samples) in all.iter().zip(&mut samples) {
            one(calls, &mut samples.one, runtime);
            two(calls, &mut samples.two, runtime);
        }
    }
    samples
}

fn one(calls: &Calls, samples: &mut Samples, runtime: &Runtime) {
    for stretch in stretches(calls, &Meeting::of(1), runtime) {
        samples.add(stretch.length(), CALLS);
    }
}

/// Counts only stretches in which both threads worked most of the time. Two threads that take turns
/// on one core do not disturb each other.
fn two(calls: &Calls, samples: &mut Samples, runtime: &Runtime) {
    let meeting = Meeting::of(2);
    let (left, right) = thread::scope(|scope| {
        let other = scope.spawn(|| stretches(calls, &meeting, runtime));
        (stretches(calls, &meeting, runtime), other.join().unwrap_or_default())
    });
    for (left, right) in left.iter().zip(&right) {
        let longer = left.length().max(right.length());
        if left.shared_with(right) >= longer / 2 {
            samples.add(longer, CALLS);
        }
    }
}

/// When a thread began and ended its calls.
struct Stretch {
    begun: Instant,
    ended: Instant,
}

impl Stretch {
    fn length(&self) -> Duration {
        self.ended - self.begun
    }

    fn shared_with(&self, other: &Self) -> Duration {
        self.ended.min(other.ended).saturating_duration_since(self.begun.max(other.begun))
    }
}

fn stretches(calls: &Calls, meeting: &Meeting, runtime: &Runtime) -> Vec<Stretch> {
    let _entered = runtime.enter();
    let stretch = |number| {
        meeting.wait(number);
        let begun = Instant::now();
        calls.run(CALLS);
        Stretch { begun, ended: Instant::now() }
    };
    (1..=STRETCHES).map(stretch).collect()
}

/// A spinning barrier: threads start in the same moment, since none of them sleeps.
pub(crate) struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
}

impl Meeting {
    pub(crate) fn of(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0) }
    }

    /// Spins until all threads have arrived for this round.
    pub(crate) fn wait(&self, time: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0_u32;
        while self.arrived.load(Ordering::Acquire) < time * self.threads {
            spins += 1;
            if spins.is_multiple_of(10_000) { thread::yield_now() } else { spin_loop() }
        }
    }
}
