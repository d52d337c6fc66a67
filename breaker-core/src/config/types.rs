//! The types of settings that are more than a number or a duration.

use crate::config::ranked::Ranked;
use std::time::Duration;

/// What the rates look at (`window`). Ignored calls are not in it, and dropped ones only when they
/// were slow. It begins anew when the breaker closes.
///
/// What a call adds takes the same time whatever the size, with no lock and no allocation. The
/// memory is fixed: it is allocated when the rule is set, and each value of a `key` has a window of
/// its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// The last calls: 1 to [`MAX_CALLS`](Self::MAX_CALLS). The memory is 2 bits for each,
    /// rounded up to a power of two: 32 KiB for 100,000.
    Calls(u32),
    /// The calls of the last while: above zero. It is kept in 60 parts, 1 KiB together: a call is
    /// out when it is as old as the window, or up to a 60th of the window before.
    Time(Duration),
}

impl Window {
    /// The largest window of calls.
    pub const MAX_CALLS: u32 = 1_000_000;

    pub(crate) const fn is_valid(self) -> bool {
        match self {
            Self::Calls(calls) => calls >= 1 && calls <= Self::MAX_CALLS,
            Self::Time(span) => !span.is_zero(),
        }
    }
}

/// How the open time grows (`backoff`): with each recovery that fails, that is with a half-open
/// breaker that opens again, or one that opens during its `ramp`. It goes one step back for each
/// present open time that the breaker spends closed.
///
/// ```
/// use breaker_core::{Backoff, Config};
/// use std::time::Duration;
///
/// // Open for 30 s, 45 s, 67.5 s, and so on up to 5 minutes, each longer by up to a fifth at random.
/// const PATIENT: Config =
///     Config::new().backoff(Backoff::new().factor(1.5).max(Duration::from_secs(300)).jitter(0.2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a Backoff does nothing until it is given to Config::backoff"]
pub struct Backoff {
    pub(crate) factor: f64,
    pub(crate) max: Duration,
    pub(crate) jitter: f64,
}

impl Backoff {
    /// The longest open time if nobody says another one; also the most that a `Retry-After` can ask
    /// for where there is no backoff.
    pub(crate) const MAX: Duration = Duration::from_secs(600);

    /// Twice as long each time, at most 10 minutes, longer by up to a tenth at random.
    pub const fn new() -> Self {
        Self { factor: 2.0, max: Self::MAX, jitter: 0.1 }
    }

    /// Each failed recovery makes the open time so many times as long: 1 to 1000, 2 if unset. The
    /// first opening lasts for `recovery_timeout`.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The open time does not grow beyond this: above zero, 10 minutes if unset. A `Retry-After` of
    /// the service cannot make it longer either. It never makes the open time shorter than
    /// `recovery_timeout`.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// Each open time is longer by a random share of itself, up to this one, so that many processes
    /// do not come back at once: 0 to 1, 0.1 if unset. It comes on top of `max`.
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    pub(crate) const fn is_valid(self) -> bool {
        let factor = self.factor >= 1.0 && self.factor <= 1000.0;
        factor && !self.max.is_zero() && self.jitter >= 0.0 && self.jitter <= 1.0
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// A value that each annotated function has of its own, in its `#[retry(..)]`, unless it is said
/// for all functions of a breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PerFunction<T> {
    /// Each function's own, or the default of `#[retry]`. As text it is `own`.
    #[default]
    Own,
    /// The same one for all.
    All(T),
}

/// What a call counts as that is dropped before it has a result (`on_cancel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCancel {
    /// As ignored. The default.
    Ignore,
    /// As a failure.
    Failure,
    /// As a failure when it ran at least so long, else as ignored.
    After(Duration),
}

/// What a panic of the body counts as (`on_panic`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnPanic {
    /// As a failure. The default.
    Failure,
    /// As ignored.
    Ignore,
}

/// The time limits of calls. Settings of equal values are equal, wherever these come from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// That of a call whose function has none.
    pub(crate) of_breaker: Ranked,
    /// The longest one that a call can have; `None`: no call has one.
    pub(crate) longest: Option<Duration>,
}

impl PartialEq for Limits {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Where the value of a key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    Default,
    /// Nobody set it, and it follows from what code says of this key: `fail_max` is off beside a
    /// `failure_rate` or a `window_fail_max`.
    Follows(&'static str),
    /// The attribute, or the `Config` that the breaker was made with.
    Attribute,
    /// [`Registry::set_config`](crate::Registry::set_config).
    Configure,
    /// The file of [`Registry::load_file`](crate::Registry::load_file), with its path.
    File(String),
    /// The environment, with the variable's name.
    Environment(String),
    /// [`CircuitBreaker::reconfigure`](crate::CircuitBreaker::reconfigure).
    Reconfigure,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Follows(key) => write!(f, "follows from {key}"),
            Self::Attribute => f.write_str("attribute"),
            Self::Configure => f.write_str("configure"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Reconfigure => f.write_str("reconfigure"),
        }
    }
}
