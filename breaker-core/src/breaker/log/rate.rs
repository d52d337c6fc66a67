//! Limits the rate of repeated log lines.

use crate::clock::Tick;
use std::time::Duration;

/// The long-term interval of the lines.
const EACH: Duration = Duration::from_secs(15);
/// The time that may be unpaid before a line is allowed.
const CREDIT: Duration = Duration::from_secs(3 * 15);

/// Allows four lines at once, and one each 15 s after them. A breaker that fails each recovery with
/// the default settings logs that many.
///
/// It is the generic cell rate algorithm (ITU-T I.371). Its only state is the time at which all
/// lines so far are paid for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    paid: Tick,
}

impl Rate {
    /// Takes one line if it is allowed; `Some(true)`: another line now would not be allowed.
    pub(crate) fn take(&mut self, now: Tick) -> Option<bool> {
        let unpaid = self.paid.since(now);
        if unpaid > CREDIT {
            return None;
        }
        self.paid = now.after(unpaid + EACH);
        Some(unpaid + EACH > CREDIT)
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self { paid: Tick::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_come_at_once_and_four_in_each_minute_after_them() {
        let mut rate = Rate::default();
        let mut at = Tick::from_nanos(5);
        let at_once: Vec<_> = (0..6).map(|_| rate.take(at)).collect();
        assert_eq!(at_once, [Some(false), Some(false), Some(false), Some(true), None, None]);
        let in_an_hour = (0..3600).filter(|_| {
            at = at.after(Duration::from_secs(1));
            rate.take(at).is_some()
        });
        assert_eq!(in_an_hour.count(), 240);
        at = at.after(Duration::from_secs(3600));
        assert_eq!((0..100).filter(|_| rate.take(at).is_some()).count(), 4, "no more after an hour without lines");
    }
}
