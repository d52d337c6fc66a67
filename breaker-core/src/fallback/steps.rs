//! Fallback: why a call needs one, what its steps may give, and how a served one is told.

use crate::breaker::caller::Holder;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::function::Function;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{FallbackFailed, FallbackServed, Report, is_quiet};
use crate::call::result::Fallible;
use crate::clock::millis;
use crate::fallback::plain::Opener;
use crate::fallback::served::{self, ServedFallback};
use crate::machine::state::State;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

/// Why the service did not answer, as a fallback step sees it.
pub struct Rejection<'a> {
    breaker: &'a CircuitBreaker,
    annotated: Option<&'static Function>,
    state: State,
    reason: Reason,
    retry_after: Option<Duration>,
    error: Option<&'a (dyn Error + Send + Sync + 'static)>,
}

#[derive(Clone, Copy, Debug)]
enum Reason {
    Open,
    Busy,
    Timeout,
    Failure,
}

impl Reason {
    /// Of a rejection.
    fn of(rejected: &CircuitBreakerError) -> Self {
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

impl Rejection<'_> {
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

    /// `circuit_breaker_open` (the call was rejected), `busy` (it was rejected for want of a place), `timeout` or `failure`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    /// In how long a call is worth making again, where that is known: when the breaker may let one in, or, after a failure that
    /// came with a `retry_after` of the service's own, or of another breaker that rejected the call, when that is over, whichever is later.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The error: a [`CircuitBreakerError`] for a rejection and a time-out, else the function's own, if that is an
    /// `Error + Send + Sync + 'static` or a `Box` of one.
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

    /// A step has given `result`: told to the listeners, as an answer or as a step that failed.
    #[doc(hidden)]
    pub fn served<R: Fallible>(&self, source: &'static str, result: R) -> R {
        self.told(source, None, result)
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

    pub(crate) fn told<R: Fallible>(&self, source: &'static str, age: Option<Duration>, result: R) -> R {
        if result.view().is_err() {
            self.failed(Some(source));
        } else {
            self.answered(source, age);
        }
        result
    }

    fn answered(&self, source: &'static str, age: Option<Duration>) {
        let ((breaker, function), reason) = (self.caller(), self.reason());
        served::note(|| ServedFallback { breaker: breaker.clone(), function, source, reason, age });
        if self.is_heard() {
            let event = FallbackServed { breaker, function, source, reason, age };
            breaker.report(Report::FallbackServed(&event));
        }
    }

    /// Every step has declined.
    #[doc(hidden)]
    pub fn declined(&self) {
        self.failed(None);
    }

    #[cold]
    fn failed(&self, source: Option<&'static str>) {
        if self.is_heard() {
            let ((breaker, function), reason) = (self.caller(), self.reason());
            let event = FallbackFailed { breaker, function, source, reason };
            breaker.report(Report::FallbackFailed(&event));
        }
    }

    /// Whether somebody hears of what the steps do.
    pub(crate) fn is_heard(&self) -> bool {
        self.breaker.is_heard() || !is_quiet()
    }
}

impl fmt::Debug for Rejection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
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
    /// For how long the answer had been stored, in milliseconds; `None`, and left out of the JSON, where that is not known. A
    /// `cache(..)` step knows it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub fallback_age_ms: Option<u64>,
}

impl FallbackMetadata {
    /// The same for an answer of this age, which [`Stored::age`](crate::Stored::age) tells.
    #[must_use]
    pub fn with_age(self, age: Duration) -> Self {
        Self { fallback_age_ms: Some(millis(age)), ..self }
    }
}

/// Which endings fall back, as `on(...)` says. A rejection is the expansion's own affair.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct On {
    pub failure: bool,
    pub timeout: bool,
}

/// A call that falls back, with what the caller gets when every step declines.
#[derive(Debug)]
#[doc(hidden)]
pub enum Fallen<R> {
    Rejected(CircuitBreakerError),
    TimedOut(CircuitBreakerError),
    /// `rejected`: another breaker has rejected it, and `retry_after` is that one's.
    Failed {
        result: R,
        holder: Ended,
        retry_after: Option<Duration>,
        rejected: bool,
    },
}

/// A call that has ended.
#[derive(Clone)]
#[doc(hidden)]
pub struct Ended(pub(crate) Holder);

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.breaker().fmt(f)
    }
}

impl<R> Fallen<R> {
    pub fn rejected(error: CircuitBreakerError) -> Self {
        Self::Rejected(error)
    }

    pub fn timed_out(error: CircuitBreakerError) -> Self {
        Self::TimedOut(error)
    }

    /// What the steps see of it; `show` makes a `dyn Error` of the function's own error, if it is one.
    pub fn rejection<'a>(
        &'a self,
        show: impl FnOnce(&'a R::Error) -> Option<&'a (dyn Error + Send + Sync + 'static)>,
    ) -> Rejection<'a>
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(error) => Self::by_breaker(error, Reason::of(error)),
            Self::TimedOut(error) => Self::by_breaker(error, Reason::Timeout),
            Self::Failed { result, holder: Ended(holder), retry_after, .. } => {
                let breaker = holder.breaker();
                let snapshot = breaker.read();
                Rejection {
                    breaker,
                    annotated: holder.annotated(),
                    state: snapshot.state,
                    reason: Reason::Failure,
                    retry_after: snapshot.retry_after.max(*retry_after),
                    error: result.view().err().and_then(show),
                }
            }
        }
    }

    /// Whether the steps are for this: `open` says it of a rejection, `on` of the rest.
    pub fn is_for(&self, open: bool, on: On) -> bool {
        match self {
            Self::Rejected(_) => open,
            Self::TimedOut(_) => on.timeout || on.failure,
            Self::Failed { .. } => on.failure,
        }
    }

    /// Whether the call was rejected for want of a place.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Rejected(error) if error.is_busy())
    }

    /// Who made the call.
    #[cfg(feature = "retry")]
    pub(crate) const fn holder(&self) -> &Holder {
        match self {
            Self::Rejected(error) | Self::TimedOut(error) => error.holder(),
            Self::Failed { holder: Ended(holder), .. } => holder,
        }
    }

    /// When the service itself asked to be called again.
    #[cfg(feature = "retry")]
    pub(crate) const fn asked_for(&self) -> Option<Duration> {
        match self {
            Self::Failed { retry_after, rejected: false, .. } => *retry_after,
            _ => None,
        }
    }

    fn by_breaker(error: &CircuitBreakerError, reason: Reason) -> Rejection<'_> {
        Rejection {
            breaker: error.handle(),
            annotated: error.holder().annotated(),
            state: error.state(),
            reason,
            retry_after: error.retry_after(),
            error: Some(error),
        }
    }

    /// What the caller would have got without fallbacks; `open` makes the error of a rejection or a time-out.
    pub fn into_result(self, open: impl FnOnce(CircuitBreakerError) -> R::Error) -> R
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(error) | Self::TimedOut(error) => R::from_error(open(error)),
            Self::Failed { result, .. } => result,
        }
    }

    /// The same where the function's error may not be made of a rejection: then it stays what it is.
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
    pub fn unless_open(
        self,
        open: impl FnOnce(CircuitBreakerError) -> Result<R::Error, CircuitBreakerError>,
    ) -> Result<R, Self>
    where
        R: Fallible,
    {
        match self {
            Self::Rejected(error) => open(error).map(R::from_error).map_err(Self::Rejected),
            Self::TimedOut(error) => open(error).map(R::from_error).map_err(Self::TimedOut),
            Self::Failed { result, .. } => Ok(result),
        }
    }

    /// Finds out whether the function's error can be made of a rejection.
    pub fn opener(&self) -> Opener<R::Error>
    where
        R: Fallible,
    {
        Opener::new()
    }
}

/// A call that was rejected, or cut off, where no failure falls back: as [`Fallen`], but it holds no result, whose type may not be
/// `Send` while a step is awaited.
#[derive(Debug)]
#[doc(hidden)]
pub struct Refused<R> {
    error: CircuitBreakerError,
    timed_out: bool,
    result: PhantomData<fn() -> R>,
}

impl<R> Refused<R> {
    pub fn rejected(error: CircuitBreakerError) -> Self {
        Self { error, timed_out: false, result: PhantomData }
    }

    pub fn timed_out(error: CircuitBreakerError) -> Self {
        Self { error, timed_out: true, result: PhantomData }
    }

    /// What the steps see of it; there is no error of the function's own to show.
    pub fn rejection<'a>(
        &'a self,
        _show: impl FnOnce(&'a R::Error) -> Option<&'a (dyn Error + Send + Sync + 'static)>,
    ) -> Rejection<'a>
    where
        R: Fallible,
    {
        Fallen::<R>::by_breaker(&self.error, if self.timed_out { Reason::Timeout } else { Reason::of(&self.error) })
    }

    /// As [`Fallen::into_result`].
    pub fn into_result(self, open: impl FnOnce(CircuitBreakerError) -> R::Error) -> R
    where
        R: Fallible,
    {
        R::from_error(open(self.error))
    }

    /// As [`Fallen::unless_open`].
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
    pub fn unless_open(
        self,
        open: impl FnOnce(CircuitBreakerError) -> Result<R::Error, CircuitBreakerError>,
    ) -> Result<R, Self>
    where
        R: Fallible,
    {
        open(self.error).map(R::from_error).map_err(|error| Self { error, ..self })
    }

    /// As [`Fallen::opener`].
    pub fn opener(&self) -> Opener<R::Error>
    where
        R: Fallible,
    {
        Opener::new()
    }
}

/// A call that falls back in place of an `R`.
#[doc(hidden)]
pub trait Instead<R> {}

impl<R> Instead<R> for Fallen<R> {}
impl<R> Instead<R> for Refused<R> {}

/// The answer to it, whose type rustc learns so where an `impl Trait` has no name.
pub fn instead<R, F: Instead<R>>(_: &F, answer: R) -> R {
    answer
}

/// What a step may give in a synchronous function: an `Option<T>`, a `Result<T, E>` or a `Result<Option<T>, E>`.
#[diagnostic::on_unimplemented(
    message = "a fallback step cannot give `{Self}`",
    label = "expected `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, where `Result<T, E>` is the function's `{R}`",
    note = "in an `async fn` it may also be a future of one of these"
)]
#[doc(hidden)]
pub trait Answer<R, Way> {
    /// `None`: the next step's turn.
    fn answer(self) -> Option<R>;
}

#[derive(Debug)]
#[doc(hidden)]
pub struct Maybe;
#[derive(Debug)]
#[doc(hidden)]
pub struct Surely;
#[derive(Debug)]
#[doc(hidden)]
pub struct Perhaps;

#[diagnostic::do_not_recommend]
impl<T, E> Answer<Result<T, E>, Maybe> for Option<T> {
    fn answer(self) -> Option<Result<T, E>> {
        self.map(Ok)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E> Answer<Result<T, E>, Surely> for Result<T, E> {
    fn answer(self) -> Option<Self> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E> Answer<Result<T, E>, Perhaps> for Result<Option<T>, E> {
    fn answer(self) -> Option<Result<T, E>> {
        self.transpose()
    }
}

/// What a step may give in an `async fn`: an answer, or a future of one.
#[diagnostic::on_unimplemented(
    message = "a fallback step cannot give `{Self}`",
    label = "expected `Option<T>`, `Result<T, E>`, `Result<Option<T>, E>` or a future of one, where `Result<T, E>` is the function's `{R}`"
)]
#[doc(hidden)]
pub trait Step<R, Way> {
    /// `None`: the next step's turn.
    fn take(self) -> impl Future<Output = Option<R>>;
}

#[derive(Debug)]
#[doc(hidden)]
pub struct Now<Way>(Way);
#[derive(Debug)]
#[doc(hidden)]
pub struct Later<Way>(Way);
#[derive(Debug)]
#[doc(hidden)]
pub struct LaterStill<Way>(Way);

impl<R, Way, A: Answer<R, Way>> Step<R, Now<Way>> for A {
    fn take(self) -> impl Future<Output = Option<R>> {
        std::future::ready(self.answer())
    }
}

impl<R, Way, F> Step<R, Later<Way>> for F
where
    F: Future,
    F::Output: Answer<R, Way>,
{
    async fn take(self) -> Option<R> {
        self.await.answer()
    }
}

impl<R, Way, F> Step<R, LaterStill<Way>> for F
where
    F: Future,
    F::Output: Future,
    <F::Output as Future>::Output: Answer<R, Way>,
{
    // Not by the way above once more: what it gives would be held while it is awaited, and would have to be `Send`.
    async fn take(self) -> Option<R> {
        self.await.await.answer()
    }
}
