//! Reply: what all answers of the dashboard have in common: headers that a browser obeys, and errors as JSON.

use super::axum::Json;
use super::axum::http::{HeaderName, HeaderValue, StatusCode, header};
use super::axum::response::{IntoResponse, Response};
use serde_json::json;

/// Nothing but the dashboard's own files, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Adds the headers that every answer has.
pub(super) async fn secured(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A request that is not followed.
pub(super) struct Refused {
    response: Box<Response>,
    /// In words, for the audit.
    pub(super) why: String,
}

impl Refused {
    /// With an error as JSON.
    pub(super) fn new(status: StatusCode, why: &str) -> Self {
        Self { response: Box::new(error(status, why)), why: why.to_owned() }
    }

    /// With this in place of the error.
    pub(super) fn with_body(self, status: StatusCode, body: impl IntoResponse) -> Self {
        Self { response: Box::new((status, body).into_response()), ..self }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.response.headers_mut().insert(name, value.into());
        self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.response
    }
}

/// An error as JSON: what went wrong, for a person.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

pub(super) fn not_found(message: &str) -> Response {
    error(StatusCode::NOT_FOUND, message)
}

/// Sends a browser to `place`.
pub(super) fn see_other(place: &str) -> Response {
    match HeaderValue::try_from(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => not_found("there is no such page"),
    }
}
