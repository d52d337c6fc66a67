//! Describes to a fallback step the call that the step answers.

use crate::breaker::error::CircuitBreakerError;
use crate::breaker::function::Function;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{FallbackFailed, FallbackServed, Report, is_quiet};
use crate::call::result::Fallible;
use crate::clock::millis;
use crate::fallback::served::{self, ServedFallback};
use crate::machine::state::State;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why the service did not answer, as a fallback step sees it.
pub struct FallbackContext<'a> {
    pub(super) breaker: &'a CircuitBreaker,
    pub(super) annotated: Option<&'static Function>,
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) retry_after: Option<Duration>,
    pub(super) error: Option<&'a (dyn Error + Send + Sync + 'static)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    Open,
    Busy,
    Timeout,
    Failure,
}

impl Reason {
    /// The reason of a rejection.
    pub(super) fn of(rejected: &CircuitBreakerError) -> Self {
        if rejected.is_busy() { Self::Busy } else { Self::Open }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "circuit_breaker_open",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

impl FallbackContext<'_> {
    /// The breaker's name.
    #[must_use]
    pub fn breaker(&self) -> &str {
        self.breaker.name()
    }

    /// The breaker's state when it rejected the call, or after the failure.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// `circuit_breaker_open` (the call was rejected), `busy` (it was rejected because no place was
    /// free), `timeout` or `failure`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    /// After what time a call is worth making again, where that is known. That is when the breaker
    /// may admit a call. A failure may also have a `retry_after` of the service, or of another
    /// breaker that rejected the call. Then the later time applies.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The error: a [`CircuitBreakerError`] for a rejection and a timeout. Otherwise it is the
    /// function's own error, if that is an `Error + Send + Sync + 'static` or a `Box` of one.
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + 'static)> {
        self.error.map(|error| error as _)
    }

    /// What a response can carry to say that `source` answered in place of the service.
    #[must_use]
    pub fn metadata(&self, source: impl Into<String>) -> FallbackMetadata {
        FallbackMetadata {
            from_fallback: true,
            fallback_reason: self.reason().to_owned(),
            fallback_source: source.into(),
            fallback_age_ms: None,
        }
    }

    /// A step has returned `result`. It is reported to the listeners, as an answer or as a step
    /// that failed.
    #[doc(hidden)]
    pub fn served<R: Fallible>(&self, source: &'static str, result: R) -> R {
        self.answered_with(source, None, result)
    }

    /// The breaker and the annotated function.
    pub(crate) fn caller(&self) -> (&CircuitBreaker, Option<&'static str>) {
        (self.breaker, self.annotated.map(|function| &*function.name))
    }

    /// The time limit of the function's calls, which its steps have too.
    pub(crate) fn limit(&self) -> Option<Duration> {
        #[cfg(feature = "tokio")]
        return self.breaker.limit_of(self.annotated);
        #[cfg(not(feature = "tokio"))]
        None
    }

    pub(crate) fn answered_with<R: Fallible>(&self, source: &'static str, age: Option<Duration>, result: R) -> R {
        if result.view().is_err() {
            self.failed(Some(source));
        } else {
            self.answered(source, age);
        }
        result
    }

    fn answered(&self, source: &'static str, age: Option<Duration>) {
        let ((breaker, function), reason) = (self.caller(), self.reason());
        served::record(|| ServedFallback { breaker: breaker.clone(), function, source, reason, age });
        if self.has_observers() {
            let event = FallbackServed { breaker, function, source, reason, age };
            breaker.report(Report::FallbackServed(&event));
        }
    }

    /// Reports that every step has declined.
    #[doc(hidden)]
    pub fn declined(&self) {
        self.failed(None);
    }

    #[cold]
    fn failed(&self, source: Option<&'static str>) {
        if self.has_observers() {
            let ((breaker, function), reason) = (self.caller(), self.reason());
            let event = FallbackFailed { breaker, function, source, reason };
            breaker.report(Report::FallbackFailed(&event));
        }
    }

    /// Whether listeners observe what the steps do.
    pub(crate) fn has_observers(&self) -> bool {
        self.breaker.has_observers() || !is_quiet()
    }
}

impl fmt::Debug for FallbackContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackContext")
            .field("breaker", &self.breaker())
            .field("state", &self.state)
            .field("reason", &self.reason())
            .field("retry_after", &self.retry_after)
            .field("error", &self.error)
            .finish()
    }
}

/// Says in a response that it did not come from the service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FallbackMetadata {
    /// Always `true`.
    pub from_fallback: bool,
    /// `circuit_breaker_open`, `busy`, `timeout` or `failure`.
    pub fallback_reason: String,
    /// The step that answered.
    pub fallback_source: String,
    /// How long the answer had been stored, in milliseconds. `None`, and left out of the JSON,
    /// where that is unknown. A `cache(..)` step knows it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub fallback_age_ms: Option<u64>,
}

impl FallbackMetadata {
    /// The same for an answer of this age, as [`Stored::age`](crate::Stored::age) returns it.
    #[must_use]
    pub fn with_age(self, age: Duration) -> Self {
        Self { fallback_age_ms: Some(millis(age)), ..self }
    }
}
