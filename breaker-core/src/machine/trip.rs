//! Decides what opens a breaker: its rules, as plain data that receives each outcome.
//!
//! | setting | rule | [`Trip`] | `opened_because` |
//! | --- | --- | --- | --- |
//! | `fail_max`, `fail_window` | [`FailureStreak`] reaches `fail_max` | `FailureStreak` | "5 consecutive failures in 3.2 s" |
//! | `failure_rate` | share of failures in the window | `FailureRate` | "failure rate 60 % of 20 calls (limit 50 %)" |
//! | `slow_call_duration`, `slow_call_rate` | share of slow calls in the window | `SlowRate` | "50 % of 20 calls took longer than 2s (limit 50 %)" |
//! | `window_fail_max` | failures in the window | `Failures` | "7 failures of 20 calls" |
//! | `success_threshold`, `probe_count` | a probe fails or is slow, and none may | `Probe`, `SlowProbe` | "a probe failed" |
//! | `success_threshold`, `probe_count` | the other probes cannot close it any more | `Trial` | "2 of 3 probes failed, and closing takes 2 successes" |
//! | `probe_failure_rate` | share of failed or slow probes | `ProbeFailureRate`, `ProbeSlowRate` | "failure rate 60 % of 5 probes (limit 50 %)" |
//!
//! `manual` opens a breaker without a rule. `window` says when it holds enough calls (`min_calls`).
//!
//! `tests` has the tests. May use: what `machine` may. To add a rule, add a row to this table, a
//! variant to [`Trip`] with its text, and the place that evaluates it.

use crate::clock::Tick;
use crate::config::duration;
use crate::config::keys::Settings;
use crate::config::types::Window;
use std::fmt;
use std::time::Duration;

/// Consecutive failures with no success between them. (Fowler, "CircuitBreaker", 2014: the failure
/// counter that a success resets. The time limit between two failures is Polly's and pybreaker's
/// refinement.)
#[derive(Debug)]
pub(crate) struct FailureStreak {
    length: u32,
    first: Tick,
    last: Tick,
}

impl FailureStreak {
    pub(crate) const fn new() -> Self {
        Self { length: 0, first: Tick::ZERO, last: Tick::ZERO }
    }

    /// Adds a failure and returns the streak's new length. A streak whose last failure is more than
    /// `window` ago is discarded first; `None`: never.
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

    /// Calls have made it this streak.
    pub(crate) fn continue_as(&mut self, length: u32, first: Tick, last: Tick) {
        *self = Self { length, first, last };
    }

    /// Whether a failure now would lengthen the streak: there is one, and its last failure was at
    /// most `gap` nanoseconds ago.
    pub(crate) fn counts_at(&self, now: Tick, gap: u64) -> bool {
        self.length > 0 && now.nanos_since(self.last) <= gap
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    pub(crate) const fn length(&self) -> u32 {
        self.length
    }

    /// When its first failure was.
    pub(crate) const fn first(&self) -> Tick {
        self.first
    }

    /// When its last failure was.
    pub(crate) const fn last(&self) -> Tick {
        self.last
    }

    /// The time from its first to its last failure.
    pub(crate) const fn span(&self) -> Duration {
        self.last.since(self.first)
    }
}

/// The number of calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WindowTotals {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) slow: u64,
}

impl WindowTotals {
    /// With this many additional slow calls.
    pub(crate) const fn and_slow(self, slow: u64) -> Self {
        Self { calls: self.calls + slow, slow: self.slow + slow, ..self }
    }

    /// Nothing in it could open a breaker.
    #[inline]
    pub(crate) const fn is_success(&self) -> bool {
        self.failed == 0 && self.slow == 0
    }
}

/// The rules that evaluate a window. Any of them opens the breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WindowRules {
    pub(crate) failure_rate: Option<f64>,
    /// Of the calls that are slower than `slow_call_duration`.
    pub(crate) slow_call_rate: Option<f64>,
    pub(crate) slow_call_duration: Option<Duration>,
    /// This many failures in the window open the breaker.
    pub(crate) fail_max: Option<u32>,
    /// The rates do not apply to fewer calls.
    pub(crate) min_calls: u32,
}

impl WindowRules {
    /// The rule that holds, if one does.
    pub(crate) fn evaluate(&self, totals: &WindowTotals) -> Option<Trip> {
        let &WindowTotals { calls, failed, slow } = totals;
        let enough = calls > 0 && calls >= u64::from(self.min_calls);
        match (self.failure_rate, self.slow_call_rate, self.slow_call_duration, self.fail_max) {
            (Some(limit), ..) if enough && reaches(failed, calls, limit) => {
                Some(Trip::FailureRate { failed, calls, limit })
            }
            (_, Some(limit), Some(than), _) if enough && reaches(slow, calls, limit) => {
                Some(Trip::SlowRate { slow, calls, limit, than })
            }
            (.., Some(most)) if failed >= u64::from(most) => Some(Trip::Failures { failed, calls }),
            _ => None,
        }
    }
}

impl WindowRules {
    /// The slow rule alone, if it holds.
    pub(crate) fn evaluate_slow(&self, totals: &WindowTotals) -> Option<Trip> {
        Self { failure_rate: None, fail_max: None, ..*self }.evaluate(totals)
    }
}

/// Whether `part` is at least this share of `all`. A quotient and a literal are rounded alike, so 7
/// of 100 are 0.07. The product of 0.07 and 100 need not be 7.
pub(crate) fn reaches(part: u64, all: u64, share: f64) -> bool {
    part > 0 && part as f64 / all as f64 >= share
}

/// Why a breaker opened: the rule, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trip {
    FailureStreak {
        length: u32,
        span: Duration,
    },
    FailureRate {
        failed: u64,
        calls: u64,
        limit: f64,
    },
    SlowRate {
        slow: u64,
        calls: u64,
        limit: f64,
        than: Duration,
    },
    Failures {
        failed: u64,
        calls: u64,
    },
    /// One probe failed, where none may.
    Probe {
        successes: u32,
        of: u32,
    },
    /// One probe was slow, where none may.
    SlowProbe {
        successes: u32,
        of: u32,
        than: Duration,
    },
    /// So many probes failed or were slow that the others cannot close the breaker.
    Trial {
        failed: u32,
        /// The probes that succeeded and took longer than `than`.
        slow: u32,
        than: Duration,
        probes: u32,
        needed: u32,
    },
    ProbeFailureRate {
        failed: u32,
        probes: u32,
        limit: f64,
    },
    ProbeSlowRate {
        slow: u32,
        probes: u32,
        limit: f64,
        than: Duration,
    },
}

impl Trip {
    /// Whether failures were the reason, so that the last failure is shown with it.
    pub(crate) const fn is_of_failures(&self) -> bool {
        !matches!(
            self,
            Self::SlowRate { .. } | Self::ProbeSlowRate { .. } | Self::SlowProbe { .. } | Self::Trial { failed: 0, .. }
        )
    }
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FailureStreak { length: 1, .. } => write!(f, "1 failure"),
            Self::FailureStreak { length, span } if span.as_secs() == 0 => {
                write!(f, "{length} consecutive failures in {} ms", span.as_millis())
            }
            Self::FailureStreak { length, span } => {
                write!(f, "{length} consecutive failures in {:.1} s", span.as_secs_f64())
            }
            Self::FailureRate { failed, calls, limit } => failure_rate(f, failed, Number(calls, "call"), limit),
            Self::SlowRate { slow, calls, limit, than } => slow_call_rate(f, slow, Number(calls, "call"), than, limit),
            Self::Failures { failed, calls } => {
                write!(f, "{} of {}", Number(failed, "failure"), Number(calls, "call"))
            }
            Self::Probe { successes, of } => {
                f.write_str("a probe failed")?;
                after(f, successes, of)
            }
            Self::SlowProbe { successes, of, than } => {
                write!(f, "a probe took longer than {}", duration::show(than))?;
                after(f, successes, of)
            }
            Self::Trial { failed, slow, than, probes, needed } => {
                let (unsuccessful, probes) = (failed.saturating_add(slow), Number(probes.into(), "probe"));
                let what = match (failed, slow) {
                    (_, 0) => "failed".to_owned(),
                    (0, _) => format!("took longer than {}", duration::show(than)),
                    _ => format!("failed or took longer than {}", duration::show(than)),
                };
                let needed = if needed == 1 { "1 success" } else { &format!("{needed} successes") };
                write!(f, "{unsuccessful} of {probes} {what}, and closing takes {needed}")
            }
            Self::ProbeFailureRate { failed, probes, limit } => {
                failure_rate(f, failed.into(), Number(probes.into(), "probe"), limit)
            }
            Self::ProbeSlowRate { slow, probes, limit, than } => {
                slow_call_rate(f, slow.into(), Number(probes.into(), "probe"), than, limit)
            }
        }
    }
}

/// Writes how many probes of a trial had succeeded before.
fn after(f: &mut fmt::Formatter<'_>, successes: u32, of: u32) -> fmt::Result {
    if of == 1 { Ok(()) } else { write!(f, " after {successes} of {of} successes") }
}

fn failure_rate(f: &mut fmt::Formatter<'_>, failed: u64, all: Number, limit: f64) -> fmt::Result {
    write!(f, "failure rate {} of {all} (limit {})", all.share(failed), Percent(limit))
}

fn slow_call_rate(f: &mut fmt::Formatter<'_>, slow: u64, all: Number, than: Duration, limit: f64) -> fmt::Result {
    let (share, than) = (all.share(slow), duration::show(than));
    write!(f, "{share} of {all} took longer than {than} (limit {})", Percent(limit))
}

/// A number with its unit.
#[derive(Clone, Copy)]
struct Number(u64, &'static str);

impl Number {
    fn share(self, part: u64) -> Percent {
        Percent(part as f64 / self.0 as f64)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, what) = self;
        write!(f, "{count} {what}{}", if *count == 1 { "" } else { "s" })
    }
}

/// A share for people: `62 %`, `0.5 %`, with at most one decimal place. A smaller one has one
/// significant digit: `0.004 %`.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let tenths = (percent * 10.0).round() / 10.0;
        if tenths > 0.0 || percent <= 0.0 {
            return write!(f, "{tenths} %");
        }
        let places = (-percent.log10()).ceil() as usize;
        write!(f, "{percent:.places$} %")
    }
}

impl Settings {
    /// The rules over the window, if there are any.
    pub(crate) fn rules(&self) -> Option<WindowRules> {
        let most = match self.window {
            Window::Calls(calls) => calls,
            Window::Time(_) => u32::MAX,
        };
        self.has_rules().then(|| WindowRules {
            failure_rate: self.failure_rate,
            slow_call_rate: self.slow_call_duration.map(|_| self.slow_call_rate),
            slow_call_duration: self.slow_call_duration,
            fail_max: self.window_fail_max.map(|fails| fails.min(most)),
            min_calls: self.min_calls.min(most),
        })
    }
}

#[cfg(test)]
mod tests;
