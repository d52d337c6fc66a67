//! What operators and users of a service see of its circuit breakers, as axum routes: health, error replies, metrics, a live dashboard.
//!
//! - [`health_router`]: `GET /health` and the routes below it, with [probes](HealthRouter::with_probe) of the service's dependencies.
//! - [`Unavailable`]: what a breaker rejected as a 503, with `Retry-After`. [`UnavailableLayer`] finds such an error behind
//!   whatever went wrong, so that error types need not know of it; [`handle_error`] answers every error of a tower service.
//! - [`ErrorReply`]: the same form for a service's other errors; `application/problem+json` for those who ask for it.
//! - [`dashboard_router`]: one page with every breaker live, and actions for those who know its token.
//! - `metrics_router` and `install_prometheus` (feature `metrics`): `GET /metrics` for Prometheus.
//!
//! ```
//! use axum::http::{Request, StatusCode};
//! use axum::response::{IntoResponse, Response};
//! use axum::{Router, body::Body, routing::get};
//! use breaker_axum::{UnavailableLayer, carry, health_router};
//! use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};
//! use tower::ServiceExt as _;
//!
//! #[circuit_breaker(name = "search", critical = true)]
//! async fn search() -> Result<String, CircuitBreakerError> {
//!     Ok("found".to_owned())
//! }
//!
//! // The error of the handlers: it carries what went wrong, for the layer and for logs.
//! struct AppError(CircuitBreakerError);
//!
//! impl IntoResponse for AppError {
//!     fn into_response(self) -> Response {
//!         (StatusCode::INTERNAL_SERVER_ERROR, carry(self.0), "Something is wrong.").into_response()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app: Router = Router::new()
//!     .route("/search", get(async || search().await.map_err(AppError)))
//!     .merge(health_router(Registry::global()).with_probe("search", || search()).unavailable_while_degraded())
//!     .layer(UnavailableLayer::new());
//!
//! let ask = |path: &str| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
//! assert_eq!(ask("/search").await.unwrap().status(), 200);
//! assert_eq!(ask("/health").await.unwrap().status(), 200);
//!
//! Registry::global().get("search").unwrap().trip(); // an outage
//!
//! let rejected = ask("/search").await.unwrap();
//! assert_eq!((rejected.status().as_u16(), &rejected.headers()["retry-after"]), (503, &"30".parse().unwrap()));
//! assert_eq!(ask("/health").await.unwrap().status(), 503);
//! assert_eq!(ask("/health/live").await.unwrap().status(), 200);
//! # }
//! ```

mod accept;
mod contained;
#[cfg(feature = "dashboard")]
pub mod dashboard;
mod health;
mod layer;
#[cfg(feature = "metrics")]
mod metrics;
mod nearest;
mod probes;
mod reply;
mod unavailable;

#[cfg(feature = "dashboard")]
pub use dashboard::dashboard_router;
pub use health::{HealthRouter, health_router};
pub use layer::{
    Answer, AsError, Boxed, CarriedError, Plain, UnavailableLayer, UnavailableService, carry, handle_error,
};
#[cfg(feature = "metrics")]
pub use metrics::{InstallError, PrometheusHandle, install_prometheus, metrics_router, prometheus_builder};
pub use reply::ErrorReply;
pub use unavailable::Unavailable;

/// The examples of the README are run as those of the documentation are.
#[cfg(all(doctest, feature = "dashboard"))]
#[doc = include_str!("../README.md")]
mod readme {}
