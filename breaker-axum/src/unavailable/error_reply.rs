//! Writes errors as JSON, in a form that every route of a service can share.

use super::axum::body::Body;
use super::axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use super::axum::http::response::Parts;
use super::axum::http::{HeaderValue, StatusCode};
use super::axum::response::{IntoResponse, Response};
use breaker_core::State;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// An error as a response: a status, and the JSON `{"error", "message"}`.
///
/// An [`UnavailableLayer`](super::UnavailableLayer) around the route makes it
/// `application/problem+json` (RFC 9457) for clients that ask for that.
///
/// ```
/// use axum::http::StatusCode;
/// use breaker_axum::ErrorReply;
///
/// async fn no_such_route() -> ErrorReply {
///     ErrorReply::new(StatusCode::NOT_FOUND, "not_found", "There is no such route.")
/// }
/// # let _: axum::Router = axum::Router::new().fallback(no_such_route);
/// ```
#[derive(Clone, Debug)]
pub struct ErrorReply {
    status: StatusCode,
    pub(crate) body: ErrorBody,
}

/// The fields that both JSON forms have.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    /// Both keys are present, or neither.
    #[serde(flatten)]
    pub(crate) circuit: Option<Circuit>,
}

/// The fields about a breaker. An unknown value is `null`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Circuit {
    pub(crate) retry_after: Option<u64>,
    pub(crate) circuit_status: Option<State>,
}

/// The form of RFC 9457.
///
/// The type `about:blank` says that the status is the whole description. Its phrase is the title.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    error: &'a str,
    #[serde(flatten)]
    circuit: Option<Circuit>,
}

impl ErrorReply {
    /// A reply with this status. `error` is for programs (`not_found`), `message` for people.
    #[must_use]
    pub fn new(status: StatusCode, error: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, body: ErrorBody { error: error.into(), message: message.into(), circuit: None } }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Replaces the status and the body of a response. Headers that do not describe a body stay.
    pub(crate) fn put_into(self, mut parts: Parts, as_problem: bool) -> Response {
        let (form, text) = if as_problem {
            ("application/problem+json", serde_json::to_vec(&self.problem()))
        } else {
            ("application/json", serde_json::to_vec(&self.body))
        };
        parts.status = self.status;
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(CONTENT_ENCODING);
        if let Some(circuit) = self.body.circuit {
            match circuit.retry_after {
                Some(seconds) => parts.headers.insert(RETRY_AFTER, HeaderValue::from(seconds)),
                None => parts.headers.remove(RETRY_AFTER),
            };
        }
        // The layer reads it, and may still change the form.
        parts.extensions.insert(self);
        // Serialising text and numbers cannot fail.
        Response::from_parts(parts, Body::from(text.unwrap_or_default()))
    }

    fn problem(&self) -> Problem<'_> {
        let ErrorBody { error, message, circuit } = &self.body;
        let title = self.status.canonical_reason().unwrap_or("Error");
        Problem {
            r#type: "about:blank",
            title,
            status: self.status.as_u16(),
            detail: message,
            error,
            circuit: *circuit,
        }
    }
}

impl IntoResponse for ErrorReply {
    fn into_response(self) -> Response {
        self.put_into(Response::new(()).into_parts().0, false)
    }
}

/// Whole seconds for `Retry-After`: rounded up, so that no client is too early, and at least 1.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::{Duration, whole_seconds};

    #[test]
    fn retry_after_is_never_too_early() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(12_001)), 13);
        assert_eq!(whole_seconds(Duration::from_secs(12)), 12);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
