//! Defines the types of settings that are more than a number or a duration.

use crate::config::ranked::Ranked;
use std::time::Duration;

/// The calls that the rates take into account (`window`). Ignored calls are not in it, and dropped
/// ones only when they were slow. It starts again when the breaker closes.
///
/// To record a call takes the same time for every size, with no lock and no allocation. The memory
/// is fixed, and is allocated when the rule is set. Each keyed breaker has its own window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// The last calls: 1 to [`MAX_CALLS`](Self::MAX_CALLS). It takes 2 bits for each, rounded up to
    /// a power of two: 32 KiB for 100,000.
    Calls(u32),
    /// The calls of the most recent time of this length: above zero. The window has 60 parts, 1 KiB
    /// together. A call drops out when it is as old as the window, or up to a 60th of the window
    /// earlier.
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

/// How the open time grows with each failed recovery (`backoff`). A recovery fails when a half-open
/// breaker opens again, or when the breaker opens during its `ramp`. The backoff goes one step back
/// for each present open time that the breaker spends closed.
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
    /// The longest open time if no source sets another one. It is also the longest `Retry-After`
    /// that counts where there is no backoff.
    pub(crate) const MAX: Duration = Duration::from_secs(600);

    /// Twice as long each time, at most 10 minutes. Each is longer by up to a tenth at random.
    pub const fn new() -> Self {
        Self { factor: 2.0, max: Self::MAX, jitter: 0.1 }
    }

    /// Each failed recovery multiplies the open time by this factor: 1 to 1000, 2 if unset. The
    /// first open period lasts for `recovery_timeout`.
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

    /// Each open time is longer by a random share of itself, at most this share: 0 to 1, 0.1 if
    /// unset. Thus many processes do not return at once. The jitter comes on top of `max`.
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

/// A value that each annotated function has of its own, in its `#[retry(..)]`. A breaker may set it
/// for all its functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PerFunction<T> {
    /// Each function's own, or the default of `#[retry]`. As text it is `own`.
    #[default]
    Own,
    /// The same value for all functions.
    All(T),
}

/// What a dropped call without a result counts as (`on_cancel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnCancel {
    /// As ignored. The default.
    Ignore,
    /// As a failure.
    Failure,
    /// As a failure when it ran at least that long, or else as ignored.
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

/// The time limits of calls. They compare as equal, so that settings of equal values are equal.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// The limit of a call whose function has none.
    pub(crate) of_breaker: Ranked,
    /// The longest limit that a call can have; `None`: no call has one.
    pub(crate) longest: Option<Duration>,
}

impl PartialEq for Limits {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The source of the value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// No source set it.
    Default,
    /// No source set it, and it follows from this key in code. `fail_max` is off beside a
    /// `failure_rate` or a `window_fail_max`.
    Follows(&'static str),
    /// The attribute, or the `Config` that the breaker was made with.
    Attribute,
    /// [`Registry::set_config`](crate::Registry::set_config). As text it is `configure`.
    SetConfig,
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
            Self::SetConfig => f.write_str("configure"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Reconfigure => f.write_str("reconfigure"),
        }
    }
}
