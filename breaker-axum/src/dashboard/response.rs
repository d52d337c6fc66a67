//! Makes the dashboard's responses: security headers, refusals and errors as JSON.

use super::axum::Json;
use super::axum::http::{HeaderName, HeaderValue, StatusCode, header};
use super::axum::response::{IntoResponse, Response};
use serde_json::json;

/// The page loads the dashboard's own files only, and no other page can frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Adds the security headers that every response has.
pub(super) async fn secured(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The response to a request that is refused.
pub(super) struct Refusal {
    response: Box<Response>,
    /// The reason, for the audit.
    pub(super) reason: String,
}

impl Refusal {
    /// A refusal with the reason as JSON.
    pub(super) fn new(status: StatusCode, reason: &str) -> Self {
        Self { response: Box::new(error(status, reason)), reason: reason.to_owned() }
    }

    /// Replaces the body.
    pub(super) fn with_body(self, status: StatusCode, body: impl IntoResponse) -> Self {
        Self { response: Box::new((status, body).into_response()), ..self }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.response.headers_mut().insert(name, value.into());
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.response
    }
}

/// An error as JSON, with a message for people.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

pub(super) fn not_found(message: &str) -> Response {
    error(StatusCode::NOT_FOUND, message)
}

/// Redirects a browser to `location`.
pub(super) fn see_other(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => not_found("there is no such page"),
    }
}
