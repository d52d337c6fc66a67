//! Defines the errors of a call: why the body did not answer, and what `CircuitBreaker::call`
//! returns.

use crate::breaker::caller::{Binding, Owner};
use crate::breaker::error_chain::first_of;
use crate::breaker::error_owner::ErrorOwner;
use crate::machine::outcome::Outcome;
use crate::machine::packed::{RetryAfter, StateCode};
use crate::machine::state::State;
use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

/// Why a call has no result of its own: the breaker rejected it, or it timed out.
///
/// The error type of an annotated function needs `From<CircuitBreakerError>`. With thiserror that
/// is a variant `#[error("not called")] CircuitOpen(#[from] CircuitBreakerError)`, with a text of
/// your own. Texts of whole chains, as `{:#}` of anyhow, show both texts.
///
/// - Do not write `#[error("{0}")]`: a chain shows the text twice.
/// - Do not write `#[error(transparent)]`: it takes the error out of the `source()` chain, and
///   [`find`](Self::find) does not find it.
///
/// The error of a call by a handle does not keep its breaker alive. It says the same when the last
/// handle is dropped, except for [`opened_because`](Self::opened_because).
///
/// Two errors are equal if the breaker's name and the reason are equal, and for a rejection the
/// state. The function and the durations are not compared, since each call has its own.
///
/// ```
/// # use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// enum ApiError {
///     #[error("not called")]
///     CircuitOpen(#[from] CircuitBreakerError),
/// }
///
/// #[circuit_breaker(name = "api")]
/// fn ask() -> Result<u8, ApiError> {
///     Ok(1)
/// }
///
/// let breaker = Registry::global().get("api").unwrap();
/// breaker.force_open();
/// let rejection = breaker.try_acquire().unwrap_err();
/// assert_eq!(ask(), Err(ApiError::CircuitOpen(rejection)));
/// ```
#[derive(Clone, thiserror::Error)]
#[error("{}", Message(self))]
pub struct CircuitBreakerError {
    owner: ErrorOwner,
    /// The time after which a call may be admitted, as it was counted ([`RetryAfter::shown_in`]),
    /// or the time limit.
    wait: RetryAfter,
    state: StateCode,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Rejected,
    Busy,
    TimedOut,
    #[cfg_attr(not(feature = "stream"), expect(dead_code, reason = "there are no streams"))]
    NoFirstItem,
    #[cfg_attr(not(feature = "stream"), expect(dead_code, reason = "there are no streams"))]
    NoItem,
    EndedEarly,
}

/// What the error of a call by an annotated function says. It is copied by its fields and owns
/// nothing. Their order is the one that rustc chooses for the error.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Refused {
    binding: &'static Binding,
    wait: RetryAfter,
    reason: Reason,
    state: StateCode,
}

impl Refused {
    #[inline]
    pub(crate) fn rejected(binding: &'static Binding, state: StateCode, wait: RetryAfter) -> Self {
        Self { binding, wait, state, reason: Reason::Rejected }
    }

    /// The error of a call of this function.
    #[inline]
    pub(crate) fn error(self) -> CircuitBreakerError {
        let Self { binding, wait, state, reason } = self;
        CircuitBreakerError { owner: ErrorOwner::Lasting(Owner::Callsite(binding)), wait, state, reason }
    }
}

impl CircuitBreakerError {
    /// The same without its owner, which is this function.
    pub(crate) fn refused(&self, binding: &'static Binding) -> Refused {
        Refused { binding, wait: self.wait, state: self.state, reason: self.reason }
    }

    /// A rejection is ignored, a timeout is a failure.
    pub(crate) fn counts_as(&self) -> Outcome {
        if self.is_rejection() { Outcome::Ignored } else { Outcome::failure() }
    }

    #[inline]
    pub(crate) fn rejected(owner: ErrorOwner, state: impl Into<StateCode>, wait: RetryAfter) -> Self {
        Self { owner, wait, state: state.into(), reason: Reason::Rejected }
    }

    pub(crate) fn timed_out(owner: Owner, after: Duration) -> Self {
        let state = owner.breaker().state().into();
        Self { owner: owner.into(), wait: RetryAfter::span(after), state, reason: Reason::TimedOut }
    }

    /// Its stream returned no item, or no first one, for this long.
    #[cfg(feature = "stream")]
    pub(crate) fn no_item(owner: Owner, is_first: bool, after: Duration) -> Self {
        let reason = if is_first { Reason::NoFirstItem } else { Reason::NoItem };
        Self { reason, ..Self::timed_out(owner, after) }
    }

    /// Its stream ended too early.
    #[cfg(feature = "stream")]
    pub(crate) fn ended_early(owner: Owner) -> Self {
        Self { reason: Reason::EndedEarly, wait: RetryAfter::UNKNOWN, ..Self::timed_out(owner, Duration::ZERO) }
    }

    pub(crate) fn busy(owner: ErrorOwner, state: State) -> Self {
        Self { owner, wait: RetryAfter::UNKNOWN, state: state.into(), reason: Reason::Busy }
    }

    #[cfg(test)]
    pub(crate) const fn error_owner(&self) -> &ErrorOwner {
        &self.owner
    }

    /// The breaker's name, also when the breaker is gone.
    #[must_use]
    pub fn breaker(&self) -> &str {
        self.owner.name()
    }

    /// The annotated function, as `module::Type::function`; `None` for calls through the breaker's
    /// own methods.
    #[must_use]
    pub fn function(&self) -> Option<&'static str> {
        self.owner.annotated().map(|function| &*function.name)
    }

    /// The owner of the call of an annotated function. Calls by a handle have no fallbacks and no
    /// retries, which ask for it.
    pub(crate) fn owner(&self) -> &Owner {
        match &self.owner {
            ErrorOwner::Lasting(owner) => owner,
            ErrorOwner::Token(_) => panic!("a call by a handle has no function"),
        }
    }

    /// The breaker's state when it rejected the call, or just after the call timed out. A rejection
    /// is `Closed` during a `ramp`, or when there was no place ([`is_busy`](Self::is_busy)).
    #[must_use]
    pub fn state(&self) -> State {
        self.state.state()
    }

    /// The time after which a call may be admitted again. During a `ramp` it is one second, or the
    /// time to its end if that is shorter. `None` when it is not known: the breaker is forced open,
    /// there was no place, or the call was not rejected but timed out.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.wait.shown_in(self.state()).filter(|_| self.reason == Reason::Rejected)
    }

    /// Whether the call timed out, rather than being rejected. Also true if its stream returned no
    /// item for longer than `first_item` or `item_timeout` allows.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::TimedOut | Reason::NoFirstItem | Reason::NoItem)
    }

    /// Whether the call's stream ended before its first item, where a `first_item` is set.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.reason == Reason::EndedEarly
    }

    /// Whether the breaker rejected the call, so that the service was not called. Otherwise a time
    /// limit was over, or the call's stream was empty. Those are failures of the service, also to
    /// another breaker that receives this error.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        matches!(self.reason, Reason::Rejected | Reason::Busy)
    }

    /// Whether the call was rejected because `max_concurrent` calls were in flight. That proves
    /// nothing about the service, and the time at which a place is free is not known.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.reason == Reason::Busy
    }

    /// Which rule opened the breaker, with its numbers: "5 consecutive failures in 3.2 s, last:
    /// connect timeout". The breaker's current state determines the result: `None` once it has
    /// closed again, and when it was opened manually. Also `None` once the last handle of the
    /// breaker is dropped.
    #[must_use]
    pub fn opened_because(&self) -> Option<String> {
        self.owner.breaker()?.opened_because()
    }

    /// The first error of this type in `error` and the errors behind it, also in a `Box` or an
    /// `Arc`.
    ///
    /// An error that an `#[error(transparent)]` wraps cannot be found.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, CircuitBreakerError, Config};
    /// let breaker = CircuitBreaker::new("search", Config::new()).unwrap();
    /// breaker.force_open();
    /// let error = std::io::Error::other(breaker.try_acquire().unwrap_err());
    /// assert_eq!(CircuitBreakerError::find(&error).unwrap().breaker(), "search");
    /// ```
    #[must_use]
    pub fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        first_of(error)
    }
}

impl PartialEq for CircuitBreakerError {
    fn eq(&self, other: &Self) -> bool {
        let state = |error: &Self| error.is_rejection().then(|| error.state());
        self.reason == other.reason && state(self) == state(other) && self.breaker() == other.breaker()
    }
}

impl Eq for CircuitBreakerError {}

impl fmt::Debug for CircuitBreakerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerError")
            .field("breaker", &self.breaker())
            .field("state", &self.state())
            .field("reason", &self.reason)
            .field("wait", &self.wait.shown_in(self.state()))
            .finish()
    }
}

/// The text of the error. It follows from its reason and its state.
struct Message<'e>(&'e CircuitBreakerError);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        let name = error.breaker();
        let after = || humantime::format_duration(error.wait.known().unwrap_or_default());
        match error.reason {
            Reason::TimedOut => return write!(f, "call through circuit breaker `{name}` timed out after {}", after()),
            Reason::NoFirstItem => {
                let after = after();
                return write!(
                    f,
                    "the stream of a call through circuit breaker `{name}` gave no first item within {after}"
                );
            }
            Reason::NoItem => {
                return write!(f, "the stream of a call through circuit breaker `{name}` gave no item for {}", after());
            }
            Reason::EndedEarly => {
                return write!(f, "the stream of a call through circuit breaker `{name}` ended before its first item");
            }
            Reason::Rejected | Reason::Busy => {}
        }
        if error.is_busy() {
            return write!(f, "circuit breaker `{name}` is busy: `max_concurrent` calls are in flight");
        }
        match error.state() {
            State::HalfOpen => write!(f, "circuit breaker `{name}` is half-open and has no free probe slot")?,
            State::ForcedOpen => write!(f, "circuit breaker `{name}` is forced open")?,
            // A closed breaker rejects during its ramp only.
            State::Closed => {
                write!(f, "circuit breaker `{name}` has just closed and admits only a growing share of the calls")?;
            }
            state => write!(f, "circuit breaker `{name}` is {state}")?,
        }
        match error.retry_after() {
            Some(span) => write!(f, "; retry in {}", Short(span)),
            None => Ok(()),
        }
    }
}

/// Allows annotated functions to return an `io::Result`. The kind is `TimedOut` for a timeout,
/// `ResourceBusy` for a call without a place, and `UnexpectedEof` for a stream that ended too
/// early. Otherwise it is `Other`.
impl From<CircuitBreakerError> for io::Error {
    fn from(error: CircuitBreakerError) -> Self {
        let kind = match error.reason {
            Reason::TimedOut | Reason::NoFirstItem | Reason::NoItem => io::ErrorKind::TimedOut,
            Reason::EndedEarly => io::ErrorKind::UnexpectedEof,
            Reason::Busy => io::ErrorKind::ResourceBusy,
            Reason::Rejected => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// A duration for people: `12.3s`, `350ms`.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= Duration::from_secs(1) {
            write!(f, "{:.1}s", self.0.as_secs_f64())
        } else {
            write!(f, "{}ms", self.0.as_millis().max(1))
        }
    }
}

/// The error of [`CircuitBreaker::call`](crate::CircuitBreaker::call).
///
/// Functions that return a `Result<T, CallError<E>>` can be annotated, whatever `E` is, for example
/// an error type of another crate.
///
/// Its text does not contain that of the error behind it, which is its `source()`. So print the
/// whole chain, as `{:#}` of anyhow does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The breaker rejected the call, or the call timed out.
    #[error("the circuit breaker ended the call")]
    Rejected(#[from] CircuitBreakerError),
    /// The body's own error.
    #[error("the call failed")]
    Inner(#[source] E),
}

impl<E> CallError<E> {
    /// The body's own error, if it is that.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(error) => Some(error),
        }
    }
}
