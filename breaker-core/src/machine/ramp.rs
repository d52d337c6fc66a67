//! Admits a growing share of the calls after closing.
//!
//! The share grows evenly with time, and admission is deterministic. Each call adds the current
//! share to an accumulator, in whole nanoseconds of the ramp. The call is admitted when the
//! accumulator reaches one. (Bresenham's line algorithm, as in error diffusion.)

use crate::clock::Tick;
use crate::machine::half_open::{MOST, lacking};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Ramp {
    since: Tick,
    accumulator: u128,
    /// No call has come yet.
    first: bool,
    /// How many calls are admitted beyond the share, since the last recovery lacked them. `left` is
    /// the number that remains.
    more: u32,
    left: u32,
    /// Calls that were rejected.
    rejected: u32,
    /// Drops that were not counted as failures.
    excused: u32,
}

impl Ramp {
    /// The first call is admitted, however early it comes: at low traffic there may be no other one
    /// for a long time.
    pub(crate) const fn new(now: Tick, more: u32) -> Self {
        Self { since: now, accumulator: 0, first: true, more, left: more, rejected: 0, excused: 0 }
    }

    /// How many additional calls the next recovery admits, if this one failed: as with a trial.
    pub(crate) fn lacking(&self) -> u32 {
        lacking(self.more, self.rejected.into())
    }

    /// The share of calls that is admitted now, from 0 to 1; `None` when the ramp of this length is
    /// over.
    pub(crate) fn share(&self, now: Tick, length: Duration) -> Option<f64> {
        let passed = now.since(self.since);
        (passed < length).then(|| passed.as_secs_f64() / length.as_secs_f64())
    }

    /// How long it still lasts.
    pub(crate) fn left(&self, now: Tick, length: Duration) -> Duration {
        length.saturating_sub(now.since(self.since))
    }

    /// When a call is admitted, if none comes before.
    #[cfg(feature = "tokio")]
    pub(crate) fn opens(&self, length: Duration) -> Tick {
        let missing = length.as_nanos().saturating_sub(self.accumulator);
        if self.first {
            self.since
        } else {
            self.since.after(Duration::from_nanos(missing.try_into().unwrap_or(u64::MAX)))
        }
    }

    /// Changes the length from `old` to `new` from here on. The accumulator remains the same part
    /// of a call.
    pub(crate) fn stretch(&mut self, old: Duration, new: Duration) {
        self.accumulator = self.accumulator.saturating_mul(new.as_nanos()) / old.as_nanos().max(1);
    }

    /// Whether the next call is admitted; `None` when the ramp is over.
    pub(crate) fn admit(&mut self, now: Tick, length: Duration) -> Option<bool> {
        self.share(now, length)?;
        self.accumulator += now.since(self.since).as_nanos();
        let reaches_one = self.accumulator >= length.as_nanos();
        if reaches_one {
            self.accumulator -= length.as_nanos();
        }
        let passes = std::mem::take(&mut self.first) || reaches_one;
        let lacked = !passes && self.left > 0;
        self.left -= u32::from(lacked);
        self.rejected = self.rejected.saturating_add(u32::from(!passes && !lacked));
        Some(passes || lacked)
    }

    /// Whether a dropped call is not a failure, since others were rejected.
    pub(crate) fn excuses_drop(&mut self) -> bool {
        let excuses = self.rejected > 0 && self.excused < MOST;
        self.excused += u32::from(excuses);
        excuses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(30);

    #[test]
    fn as_many_calls_pass_as_the_share_says() {
        let mut ramp = Ramp::new(Tick::ZERO, 0);
        let passed: Vec<u32> = (0..30)
            .map(|second| {
                let at = |call: u64| Tick::ZERO.after(Duration::from_millis(second * 1000 + call * 10));
                (0..100).map(|call| u32::from(ramp.admit(at(call), LENGTH) == Some(true))).sum()
            })
            .collect();
        for (second, passed) in passed.iter().enumerate() {
            let expected = (second as f64 + 0.5) / 30.0 * 100.0;
            assert!((f64::from(*passed) - expected).abs() <= 2.0, "{passed} in second {second}");
        }
        assert_eq!(ramp.admit(Tick::ZERO.after(LENGTH), LENGTH), None);
        assert_eq!(ramp.share(Tick::ZERO.after(LENGTH / 2), LENGTH), Some(0.5));
    }

    #[test]
    fn the_first_call_passes_and_the_next_ones_wait_for_their_share() {
        let mut ramp = Ramp::new(Tick::ZERO, 0);
        let quarter = Tick::ZERO.after(LENGTH / 4);
        let passed: Vec<_> = (0..9).map(|_| ramp.admit(quarter, LENGTH) == Some(true)).collect();
        assert_eq!(passed, [true, false, false, true, false, false, false, true, false]);
    }
}
