//! Trip: the rules that open a breaker, as plain data that is told each outcome.

use crate::clock::Tick;
use std::time::Duration;

/// A run of failures with no success between them. (Fowler, "CircuitBreaker", 2014: the failure counter
/// that a success resets; the time limit between two failures is Polly's and pybreaker's refinement.)
#[derive(Debug)]
pub(crate) struct Run {
    length: u32,
    first: Tick,
    last: Tick,
}

impl Run {
    pub(crate) const fn new() -> Self {
        Self { length: 0, first: Tick::ZERO, last: Tick::ZERO }
    }

    /// Adds a failure and gives the run's new length. A run whose last failure is more than `window` ago is
    /// forgotten first; `None`: never.
    pub(crate) fn failed(&mut self, now: Tick, window: Option<Duration>) -> u32 {
        if window.is_some_and(|window| now.since(self.last) > window) {
            self.clear();
        }
        if self.length == 0 {
            self.first = now;
        }
        self.last = now;
        self.length = self.length.saturating_add(1);
        self.length
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    pub(crate) const fn length(&self) -> u32 {
        self.length
    }

    /// The time from its first to its last failure.
    pub(crate) const fn span(&self) -> Duration {
        self.last.since(self.first)
    }
}

/// Why a breaker opened: the rule, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trip {
    Run { length: u32, span: Duration },
    Probe { successes: u32, of: u32 },
}

impl std::fmt::Display for Trip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run { length: 1, .. } => write!(f, "1 failure"),
            Self::Run { length, span } if span.as_secs() == 0 => {
                write!(f, "{length} consecutive failures in {} ms", span.as_millis())
            }
            Self::Run { length, span } => {
                write!(f, "{length} consecutive failures in {:.1} s", span.as_secs_f64())
            }
            Self::Probe { of: 1, .. } => write!(f, "a probe failed"),
            Self::Probe { successes, of } => {
                write!(f, "a probe failed after {successes} of {of} successes")
            }
        }
    }
}
