//! Unavailable: the response that says "come back later", and when.

use super::axum::http::StatusCode;
use super::axum::response::{IntoResponse, Response};
use super::error_reply::{Circuit, ErrorReply, whole_seconds};
use breaker_core::{CircuitBreaker, CircuitBreakerError, State};
use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

/// 503, for a request that a circuit breaker keeps from being answered.
///
/// The body is `{"error": "service_unavailable", "message", "retry_after", "circuit_status"}`, with the seconds of the header `Retry-After` and the breaker's
/// state; where nobody knows these they are `null`, and the header is left out. Seconds are whole, rounded up, and at least 1.
///
/// The default message names neither the breaker nor what is wrong with it: that is for those who operate the service (it is logged), not for its users.
/// Where these are the same, `.message(error.to_string())` tells.
///
/// A call that was cut off at its time limit is a 503 too, not a 504: it counts for the breaker as any failure, and a client has to do the same about it.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use breaker_axum::{ErrorReply, Unavailable};
///
/// # #[derive(Debug)] struct SearchError(breaker_core::CircuitBreakerError);
/// # impl std::fmt::Display for SearchError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("no search") }
/// # }
/// # impl std::error::Error for SearchError {
/// #     fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) }
/// # }
/// // The error of your handlers, which has a breaker's error somewhere in its `source()` chain.
/// impl IntoResponse for SearchError {
///     fn into_response(self) -> Response {
///         match Unavailable::find(&self) {
///             Some(unavailable) => unavailable.message("The search rests for a moment.").into_response(),
///             None => ErrorReply::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something is wrong.").into_response(),
///         }
///     }
/// }
/// # let breaker = breaker_core::CircuitBreaker::new("search", Default::default()).unwrap();
/// # breaker.trip_for(std::time::Duration::from_secs(30));
/// # let response = SearchError(breaker.try_acquire().unwrap_err()).into_response();
/// # assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"30".parse().unwrap()));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is to be sent"]
pub struct Unavailable {
    error: Option<Cow<'static, str>>,
    message: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    state: Option<State>,
}

impl Unavailable {
    /// A reply of which neither the state of a breaker nor the time is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a breaker shows now: its state, and in how long it may let calls in again.
    ///
    /// For a call that failed, and so was not rejected, while its breaker may have opened.
    pub fn of(breaker: &CircuitBreaker) -> Self {
        let snapshot = breaker.snapshot();
        Self { retry_after: snapshot.retry_after, state: Some(snapshot.state), ..Self::default() }
    }

    /// The reply to the first breaker's error in `error` and the errors behind it, if there is one
    /// ([`CircuitBreakerError::find`] says where it looks).
    #[must_use]
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        CircuitBreakerError::find(error).map(Self::from)
    }

    /// The words for people.
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The word for programs; `service_unavailable` unless it is set.
    pub fn error(mut self, error: impl Into<Cow<'static, str>>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// When to come back.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// When to come back if the breaker does not know it: it is forced open, the call found no place (`max_concurrent`), or was not rejected
    /// but cut off.
    pub fn retry_after_or(mut self, wait: Duration) -> Self {
        self.retry_after = self.retry_after.or(Some(wait));
        self
    }

    /// The state of the breaker.
    pub fn state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }
}

impl From<&CircuitBreakerError> for Unavailable {
    fn from(error: &CircuitBreakerError) -> Self {
        Self { retry_after: error.retry_after(), state: Some(error.state()), ..Self::default() }
    }
}

impl From<CircuitBreakerError> for Unavailable {
    fn from(error: CircuitBreakerError) -> Self {
        Self::from(&error)
    }
}

impl From<Unavailable> for ErrorReply {
    fn from(unavailable: Unavailable) -> Self {
        let retry_after = unavailable.retry_after.map(whole_seconds);
        let error = unavailable.error.unwrap_or(Cow::Borrowed("service_unavailable"));
        let message = unavailable.message.unwrap_or_else(|| match retry_after {
            Some(1) => "This cannot be answered at the moment; please try again in a second.".into(),
            Some(seconds) => {
                format!("This cannot be answered at the moment; please try again in {seconds} seconds.").into()
            }
            None => "This cannot be answered at the moment; please try again later.".into(),
        });
        let mut reply = Self::new(StatusCode::SERVICE_UNAVAILABLE, error, message);
        reply.body.circuit = Some(Circuit { retry_after, circuit_status: unavailable.state });
        reply
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        ErrorReply::from(self).into_response()
    }
}
