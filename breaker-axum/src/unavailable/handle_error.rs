//! Answers every error of a tower service.

use super::attached_error::attach_error;
use super::axum::BoxError;
use super::axum::http::StatusCode;
use super::axum::response::{IntoResponse, Response};
use super::error_reply::ErrorReply;
use super::reply::Unavailable;
use super::text;

/// Answers an error of a service: with 503 if a breaker's error is behind it, else with 500.
///
/// The body of the 500 is `{"error": "internal_error", "message"}`. Its error is logged at ERROR
/// and [attached](attach_error) to the response. The client sees none of its text.
///
/// ```
/// use axum::body::Body;
/// use axum::error_handling::HandleErrorLayer;
/// use axum::{BoxError, Router, response::Response, routing::get_service};
/// use breaker_axum::handle_error;
/// # use axum::http::Request;
/// use tower::{ServiceBuilder, service_fn};
///
/// let failing = async |_: Request<Body>| Err::<Response, BoxError>("no upstream".into());
/// let proxy = service_fn(failing);
/// let proxy = ServiceBuilder::new()
///     .layer(HandleErrorLayer::new(handle_error::<BoxError>))
///     .service(proxy);
/// let app: Router = Router::new().route("/proxy", get_service(proxy));
/// # let request = Request::get("/proxy").body(Body::empty()).unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # assert_eq!(runtime.block_on(tower::ServiceExt::oneshot(app, request)).unwrap().status(), 500);
/// ```
pub async fn handle_error<E: Into<BoxError>>(error: E) -> Response {
    let error: BoxError = error.into();
    if let Some(unavailable) = Unavailable::find(&*error) {
        return unavailable.into_response();
    }
    // As a text, in which a subscriber escapes what could begin a line.
    tracing::error!(error = text::with_causes(&*error), "a request failed");
    let reply = ErrorReply::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "This could not be answered.");
    (attach_error(error), reply).into_response()
}
