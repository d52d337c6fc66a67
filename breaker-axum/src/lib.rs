//! What operators and users of a service see of its circuit breakers, as axum routes: health, error replies, metrics, a live dashboard.
//!
//! - [`health_router`]: `GET /health` and the routes below it, with [probes](HealthRouter::with_probe) of the service's dependencies.
//! - [`Unavailable`]: what a breaker rejected as a 503, with `Retry-After`. [`UnavailableLayer`] finds such an error behind
//!   whatever went wrong, so that error types need not know of it; [`handle_error`] answers every error of a tower service.
//! - [`CacheStatusLayer`]: says in the header `Cache-Status` which fallbacks answered during a request.
//! - [`ErrorReply`]: the same form for a service's other errors; `application/problem+json` for those who ask for it.
//! - [`dashboard_router`]: one page with every breaker live, and actions for those who know its token.
//! - `metrics_router` and `install_prometheus` (feature `metrics`): `GET /metrics` for Prometheus.
//!
//! All of it is for axum 0.8 (feature `axum-0-8`, which is on by default); the module `axum_0_7` has the same for axum 0.7 (feature `axum-0-7`).
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

#![allow(clippy::duplicate_mod, reason = "a file is compiled once for each version of axum")]

#[cfg(not(any(feature = "axum-0-8", feature = "axum-0-7")))]
compile_error!(
    "breaker-axum needs the feature of the axum that the service uses: `axum-0-8`, which is on by default, or `axum-0-7`"
);

#[cfg(feature = "metrics")]
mod prometheus;

/// What there is for each version.
macro_rules! exports {
    () => {
        pub use self::cache_status::{CacheStatusLayer, CacheStatusService, Marked};
        #[cfg(feature = "dashboard")]
        pub use self::dashboard::dashboard_router;
        pub use self::health::{HealthRouter, health_router};
        #[cfg(feature = "metrics")]
        pub use self::metrics::metrics_router;
        pub use self::unavailable::{
            Answer, AsError, Boxed, CarriedError, ErrorReply, Plain, Unavailable, UnavailableLayer, UnavailableService,
            carry, handle_error,
        };
        #[cfg(feature = "metrics")]
        pub use crate::prometheus::{InstallError, PrometheusHandle, install_prometheus, prometheus_builder};
    };
}

// The same files for each version: they take `axum`, and how it writes routes, from here.
#[cfg(feature = "axum-0-8")]
#[path = "."]
mod axum_0_8 {
    use ::axum;

    mod cache_status;
    mod catch_panic;
    mod content_negotiation;
    #[cfg(feature = "dashboard")]
    pub mod dashboard;
    mod health;
    mod health_checks;
    #[cfg(feature = "metrics")]
    mod metrics;
    mod suggest;
    mod unavailable;

    exports!();

    const ONE_BREAKER: &str = "/health/circuit-breakers/{*name}";
    #[cfg(feature = "dashboard")]
    const ONE_FILE: &str = "/{file}";
}

#[cfg(feature = "axum-0-8")]
pub use axum_0_8::*;

/// The same for a service with axum 0.7 (feature `axum-0-7`).
///
/// A route of a [`Router`](https://docs.rs/axum/0.7/axum/struct.Router.html) of 0.7 has names as `:name` and `*name`; the paths and answers here are those of 0.8. The examples are
/// written for 0.8: the service takes `breaker_axum::axum_0_7` in place of `breaker_axum`.
#[cfg(feature = "axum-0-7")]
#[path = "."]
pub mod axum_0_7 {
    use ::axum_0_7 as axum;

    mod cache_status;
    mod catch_panic;
    mod content_negotiation;
    #[cfg(feature = "dashboard")]
    pub mod dashboard;
    mod health;
    mod health_checks;
    #[cfg(feature = "metrics")]
    mod metrics;
    mod suggest;
    mod unavailable;

    exports!();

    const ONE_BREAKER: &str = "/health/circuit-breakers/*name";
    #[cfg(feature = "dashboard")]
    const ONE_FILE: &str = "/:file";
}

/// The examples of the README are run as those of the documentation are.
#[cfg(all(doctest, feature = "dashboard", feature = "axum-0-8"))]
#[doc = include_str!("../README.md")]
mod readme {}
