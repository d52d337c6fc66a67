//! Measures wall time in nanoseconds, in rounds that give each subject its turn.

use breaker_benches::Calls;
use std::time::{Duration, Instant};

/// The results of the rounds, in nanoseconds per call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds the time that N calls took.
    pub(crate) fn add(&mut self, elapsed: Duration, calls: u64) {
        self.0.push(elapsed.as_secs_f64() * 1e9 / calls as f64);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        if sorted.is_empty() {
            return f64::NAN;
        }
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Interleaved rounds: in each round every subject makes its calls once.
pub(crate) fn rounds(all: &[Calls], rounds: usize) -> Vec<Samples> {
    /// A round of one subject takes about a millisecond.
    const CALLS: u64 = 20_000;
    let mut samples = vec![Samples::default(); all.len()];
    // The first round warms up.
    for round in 0..=rounds {
        for (calls, samples) in all.iter().zip(&mut samples) {
            let begun = Instant::now();
            calls.run(CALLS);
            if round > 0 {
                samples.add(begun.elapsed(), CALLS);
            }
        }
    }
    samples
}
