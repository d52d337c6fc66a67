//! Makes the same calls on one thread, and on two threads that share the breaker.

use crate::wall::Samples;
use breaker_benches::Calls;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long the threads work at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    /// The calls of a stretch.
    pub(crate) calls: u64,
    /// The stretches of a round.
    pub(crate) stretches: usize,
    /// The share of a stretch in which both threads have to be at work.
    pub(crate) shared: f64,
}

/// A stretch is shorter than a scheduler's time slice, so most stretches run without interruption.
pub(crate) const SHORT: Length = Length { calls: 5_000, stretches: 40, shared: 0.5 };

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
pub(crate) fn rounds(all: &[Calls], rounds: usize, length: Length, runtime: &Runtime) -> Vec<Both> {
    let mut samples = vec![Both::default(); all.len()];
    for _ in 0..rounds {
        for (calls, samples) in all.iter().zip(&mut samples) {
            one(calls, &mut samples.one, length, runtime);
            two(calls, &mut samples.two, length, runtime);
        }
    }
    samples
}

fn one(calls: &Calls, samples: &mut Samples, length: Length, runtime: &Runtime) {
    for stretch in stretches(calls, &Meeting::of(1), length, runtime) {
        samples.add(stretch.length(), length.calls);
    }
}

/// Counts only stretches in which both threads worked for long enough. Two threads that take turns
/// on one core do not disturb each other.
fn two(calls: &Calls, samples: &mut Samples, length: Length, runtime: &Runtime) {
    let meeting = Meeting::of(2);
    let (left, right) = thread::scope(|scope| {
        let other = scope.spawn(|| stretches(calls, &meeting, length, runtime));
        (stretches(calls, &meeting, length, runtime), other.join().unwrap_or_default())
    });
    for (left, right) in left.iter().zip(&right) {
        let longer = left.length().max(right.length());
        if left.shared_with(right) >= longer.mul_f64(length.shared) {
            samples.add(longer, length.calls);
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

fn stretches(calls: &Calls, meeting: &Meeting, length: Length, runtime: &Runtime) -> Vec<Stretch> {
    let _entered = runtime.enter();
    let stretch = |number| {
        meeting.wait(number);
        let begun = Instant::now();
        calls.run(length.calls);
        Stretch { begun, ended: Instant::now() }
    };
    (1..=length.stretches).map(stretch).collect()
}

/// A spinning barrier: threads start in the same moment, since none of them sleeps.
struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
}

impl Meeting {
    fn of(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0) }
    }

    /// Spins until all threads have arrived for this round.
    fn wait(&self, time: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0_u32;
        while self.arrived.load(Ordering::Acquire) < time * self.threads {
            spins += 1;
            if spins.is_multiple_of(10_000) { thread::yield_now() } else { spin_loop() }
        }
    }
}
