//! Record: the calls that the rules over a window look at, as a list of all that were made.

use breaker_core::{Window, WindowCounts};
use std::time::Duration;

/// Calls, failures, slow calls.
pub(crate) type Sums = (u64, u64, u64);

/// A call that counts in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) at: Duration,
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

/// All of them since the window began, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Record {
    made: Vec<Made>,
    /// What was in it when the breaker opened.
    kept: Option<Sums>,
}

impl Record {
    pub(crate) fn add(&mut self, made: Made) {
        self.made.push(made);
    }

    /// It begins again. While the breaker is not closed there is nothing in it.
    pub(crate) fn clear(&mut self) {
        self.made.clear();
        self.kept = self.kept.map(|_| (0, 0, 0));
    }

    pub(crate) fn forget_slow(&mut self) {
        self.made.iter_mut().for_each(|one| one.slow = false);
        self.kept = self.kept.map(|(calls, failed, _)| (calls, failed, 0));
    }

    pub(crate) fn keep(&mut self, sums: Sums) {
        self.kept.get_or_insert(sums);
    }

    pub(crate) fn go_on(&mut self) {
        self.made.clear();
        self.kept = None;
    }

    /// What the breaker shows, if that can be. A window of time is kept in 60 parts, so a call may
    /// leave it early, by a 60th of the window at most.
    pub(crate) fn agree(&self, shown: Sums, window: Window, now: Duration) -> Sums {
        let (least, most) = self.kept.map_or_else(|| self.bounds(window, now), |kept| (kept, kept));
        let within = |part: fn(Sums) -> u64| part(least) <= part(shown) && part(shown) <= part(most);
        let agrees = within(|sums| sums.0) && within(|sums| sums.1) && within(|sums| sums.2);
        assert!(agrees, "the window holds {shown:?}, which is not between {least:?} and {most:?}");
        shown
    }

    /// When calls leave it.
    pub(crate) fn ends(&self, window: Window) -> Option<Duration> {
        match window {
            Window::Time(span) => self.made.first().map(|one| one.at + span),
            _ => None,
        }
    }

    fn bounds(&self, window: Window, now: Duration) -> (Sums, Sums) {
        match window {
            Window::Calls(size) => {
                let last = sums(self.made.iter().rev().take(size as usize));
                (last, last)
            }
            Window::Time(span) => {
                let younger = |age: Duration| sums(self.made.iter().filter(|one| now - one.at < age));
                // A part is a whole number of nanoseconds.
                let part = span / 60 + Duration::from_nanos(60);
                (younger(span.saturating_sub(part)), younger(span))
            }
            _ => unreachable!(),
        }
    }
}

fn sums<'m>(made: impl Iterator<Item = &'m Made>) -> Sums {
    made.fold((0, 0, 0), |(calls, failed, slow), one| {
        (calls + 1, failed + u64::from(one.failed), slow + u64::from(one.slow))
    })
}

pub(crate) fn shown(counts: WindowCounts) -> Sums {
    (counts.calls, counts.failures, counts.slow)
}
