//! Attaches an error to a response, for layers and logs.

use super::axum::Extension;
use std::error::Error;
use std::sync::Arc;

/// An error in the extensions of a response.
///
/// The client does not see it. An [`UnavailableLayer`](super::UnavailableLayer) and layers that log
/// do.
pub type AttachedError = Arc<dyn Error + Send + Sync>;

/// Attaches `error` to a response.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use axum::{Router, routing::get};
/// use breaker_axum::{UnavailableLayer, attach_error};
/// # use breaker_core::CircuitBreaker;
/// # #[derive(Debug)] struct AppError(std::io::Error);
/// # impl std::fmt::Display for AppError {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
/// #         f.write_str("the app failed")
/// #     }
/// # }
/// # impl std::error::Error for AppError {
/// #     fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) }
/// # }
///
/// // The error type of the handlers says what other errors look like, and nothing about breakers.
/// impl IntoResponse for AppError {
///     fn into_response(self) -> Response {
///         let status = StatusCode::INTERNAL_SERVER_ERROR;
///         (status, attach_error(self), "Something is wrong.").into_response()
///     }
/// }
///
/// async fn search() -> Result<String, AppError> {
///     # let breaker = CircuitBreaker::new("search", Default::default()).unwrap();
///     # breaker.trip_for(std::time::Duration::from_secs(30));
///     # return Err(AppError(breaker.try_acquire().unwrap_err().into()));
///     # #[allow(unreachable_code)]
///     Ok("found".to_owned()) // or `?` on a call whose breaker is open
/// }
///
/// let app: Router = Router::new().route("/search", get(search)).layer(UnavailableLayer::new());
/// # let request = axum::http::Request::get("/search").body(axum::body::Body::empty()).unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let response = runtime.block_on(tower::ServiceExt::oneshot(app, request)).unwrap();
/// // While the breaker is open the answer is a 503, with `Retry-After`.
/// # let retry_after = &response.headers()["retry-after"];
/// # assert_eq!((response.status().as_u16(), retry_after), (503, &"30".parse().unwrap()));
/// ```
pub fn attach_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> Extension<AttachedError> {
    Extension(Arc::from(error.into()))
}
