//! Threads: the same calls on one thread, and on two that share the breaker.

use crate::wall::Samples;
use breaker_benches::Calls;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// A round on one thread, or two, takes some milliseconds, so that to start them is nothing beside it.
const CALLS: u64 = 100_000;

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

    /// The same by the best rounds.
    pub(crate) fn best_ratio(&self) -> f64 {
        self.two.min() / self.one.min()
    }
}

/// Interleaved rounds of all of them, on one thread and on two.
pub(crate) fn rounds(all: &[Calls], rounds: usize) -> Vec<Both> {
    let mut samples = vec![Both::default(); all.len()];
    for _ in 0..rounds {
        for (calls, samples) in all.iter().zip(&mut samples) {
            samples.one.add(elapsed(calls, 1), CALLS);
            samples.two.add(elapsed(calls, 2), CALLS);
        }
    }
    samples
}

/// How long the slower one of so many threads takes for its calls.
fn elapsed(calls: &Calls, threads: usize) -> Duration {
    let start = Barrier::new(threads);
    let work = || {
        start.wait();
        let begun = Instant::now();
        calls.run(CALLS);
        begun.elapsed()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).max().unwrap_or_default()
    })
}
