//! Counts consecutive events without a minute between them, so that the log can have the first
//! only.

use crate::clock::Tick;
use std::time::Duration;

/// An event this long after the one before, or later, starts at 1 again.
pub(crate) const CALM: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    length: u64,
    last: Tick,
}

impl Throttle {
    pub(crate) const EMPTY: Self = Self { length: 0, last: Tick::ZERO };

    /// Counts one more, and returns its number among the consecutive ones: 1 for the first.
    pub(crate) fn count(&mut self, now: Tick) -> u64 {
        let before = if now.since(self.last) < CALM { self.length } else { 0 };
        *self = Self { length: before + 1, last: now };
        self.length
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_without_an_event_starts_again_at_one() {
        let mut throttle = Throttle::EMPTY;
        let mut at = Tick::from_nanos(5);
        let mut numbers = Vec::new();
        for wait in [Duration::ZERO, CALM - Duration::from_nanos(1), CALM, Duration::ZERO] {
            at = at.after(wait);
            numbers.push(throttle.count(at));
        }
        assert_eq!(numbers, [1, 2, 1, 2]);
    }
}
