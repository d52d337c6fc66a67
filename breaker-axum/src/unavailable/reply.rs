//! Replies 503 with `Retry-After`.

use super::axum::http::StatusCode;
use super::axum::response::{IntoResponse, Response};
use super::error_reply::{Circuit, ErrorReply, whole_seconds};
use breaker_core::{CircuitBreaker, CircuitBreakerError, State};
use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

/// A 503 for a request that a circuit breaker keeps the service from answering.
///
/// The body is `{"error": "service_unavailable", "message", "retry_after", "circuit_status"}`.
/// `retry_after` has the seconds of the header `Retry-After`, `circuit_status` the state of the
/// breaker. An unknown value is `null`, and an unknown time leaves the header out. Seconds are
/// whole, rounded up, and at least 1.
///
/// The default message names neither the breaker nor its error. Those are for the operators, who
/// have them in the log. For an internal API, `.message(error.to_string())` shows them.
///
/// A call that timed out is a 503 too, not a 504. It counts as a failure of the breaker, and the
/// client has to do the same in both cases.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use breaker_axum::{ErrorReply, Unavailable};
///
/// # #[derive(Debug)] struct SearchError(breaker_core::CircuitBreakerError);
/// # impl std::fmt::Display for SearchError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
/// #         f.write_str("no search")
/// #     }
/// # }
/// # impl std::error::Error for SearchError {
/// #     fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) }
/// # }
/// // The error of your handlers, which has a breaker's error somewhere in its `source()` chain.
/// impl IntoResponse for SearchError {
///     fn into_response(self) -> Response {
///         if let Some(unavailable) = Unavailable::find(&self) {
///             return unavailable.message("The search is paused for a moment.").into_response();
///         }
///         let status = StatusCode::INTERNAL_SERVER_ERROR;
///         ErrorReply::new(status, "internal_error", "Something is wrong.").into_response()
///     }
/// }
/// # let breaker = breaker_core::CircuitBreaker::new("search", Default::default()).unwrap();
/// # breaker.trip_for(std::time::Duration::from_secs(30));
/// # let response = SearchError(breaker.try_acquire().unwrap_err()).into_response();
/// # let retry_after = &response.headers()["retry-after"];
/// # assert_eq!((response.status().as_u16(), retry_after), (503, &"30".parse().unwrap()));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until it is sent"]
pub struct Unavailable {
    error: Option<Cow<'static, str>>,
    message: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    state: Option<State>,
}

impl Unavailable {
    /// A reply without the state of a breaker, and without a time.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reply with the present state of `breaker`, and the time until it may admit calls again.
    ///
    /// This is for a call that failed rather than being rejected, and may have opened the breaker.
    pub fn for_breaker(breaker: &CircuitBreaker) -> Self {
        let snapshot = breaker.snapshot();
        Self { retry_after: snapshot.retry_after, state: Some(snapshot.state), ..Self::default() }
    }

    /// The reply to the first breaker's error in `error` and its sources.
    ///
    /// [`CircuitBreakerError::find`] says where it looks. `None` means that there is no such error.
    #[must_use]
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        CircuitBreakerError::find(error).map(Self::from)
    }

    /// The message for people.
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The error code for programs. The default is `service_unavailable`.
    pub fn error(mut self, error: impl Into<Cow<'static, str>>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// The time after which the client may try again.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The time after which the client may try again, if the breaker does not know it.
    ///
    /// It does not know it while it is forced open, when the call found no free slot
    /// (`max_concurrent`), and when the call timed out.
    pub fn default_retry_after(mut self, wait: Duration) -> Self {
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
