//! Shows the circuit breakers of an axum service to its operators, and answers its users while one
//! is open.
//!
//! - [`health_router`]: `GET /health` and the routes below it, with
//!   [probes](HealthRouter::with_probe) of the service's dependencies.
//! - [`Unavailable`]: a breaker's rejection as a 503 with `Retry-After`.
//! - [`UnavailableLayer`]: finds such a rejection behind any failed response. So error types need
//!   not know about breakers.
//! - [`handle_error`]: answers every error of a tower service.
//! - [`CacheStatusLayer`]: lists in the header `Cache-Status` the fallbacks of a request.
//! - [`ErrorReply`]: the same JSON for a service's other errors, also as
//!   `application/problem+json`.
//! - [`dashboard_router`]: one page that shows every breaker live. With a token it can act on them.
//! - `metrics_router` and `install_prometheus` (feature `metrics`): `GET /metrics` for Prometheus.
//!
//! # Example
//!
//! ```
//! use axum::http::{Request, StatusCode};
//! use axum::response::{IntoResponse, Response};
//! use axum::{Router, body::Body, routing::get};
//! use breaker_axum::{UnavailableLayer, attach_error, health_router};
//! use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};
//! use tower::ServiceExt as _;
//!
//! #[circuit_breaker(name = "search", critical = true)]
//! async fn search() -> Result<String, CircuitBreakerError> {
//!     Ok("found".to_owned())
//! }
//!
//! // The error of the handlers. It attaches its cause to the response, for the layer and for logs.
//! struct AppError(CircuitBreakerError);
//!
//! impl IntoResponse for AppError {
//!     fn into_response(self) -> Response {
//!         let status = StatusCode::INTERNAL_SERVER_ERROR;
//!         (status, attach_error(self.0), "Something is wrong.").into_response()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let health = health_router(Registry::global())
//!     .with_probe("search", || search())
//!     .unavailable_while_degraded();
//! let app: Router = Router::new()
//!     .route("/search", get(async || search().await.map_err(AppError)))
//!     .merge(health)
//!     .layer(UnavailableLayer::new());
//!
//! let ask = |path: &str| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
//! assert_eq!(ask("/search").await.unwrap().status(), 200);
//! assert_eq!(ask("/health").await.unwrap().status(), 200);
//!
//! Registry::global().get("search").unwrap().trip(); // an outage
//!
//! let rejected = ask("/search").await.unwrap();
//! assert_eq!(rejected.status(), 503);
//! assert_eq!(rejected.headers()["retry-after"], "30");
//! assert_eq!(ask("/health").await.unwrap().status(), 503);
//! assert_eq!(ask("/health/live").await.unwrap().status(), 200);
//! # }
//! ```
//!
//! # Features
//!
//! Default features:
//!
//! - `axum-0-8`: everything for axum 0.8, at the root of the crate
//! - `dashboard`: [`dashboard_router`], the live page
//!
//! Other features:
//!
//! - `axum-0-7`: everything for axum 0.7, in the module `axum_0_7`. With `default-features = false`
//!   no axum 0.8 is built.
//! - `metrics`: `metrics_router` and `install_prometheus`

// What is inside: `dashboard` and `unavailable` are folders, whose `mod.rs` describes them. A file
// uses files to its left only, and nothing uses `dashboard`:
//
//     text, catch_panic, content_negotiation, suggest <- unavailable, health_checks <- health
//     cache_status; prometheus <- metrics; text <- dashboard
//
// To add a public item, add it to `exports!`. To add a version of axum, add a feature and a module
// like `axum_0_7`, and a file of tests like `tests/axum_0_7.rs`.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(clippy::duplicate_mod, reason = "a file is compiled once for each version of axum")]

#[cfg(not(any(feature = "axum-0-8", feature = "axum-0-7")))]
compile_error!(
    "breaker-axum needs the feature of the axum that the service uses: `axum-0-8`, which is on by default, or `axum-0-7`"
);

#[cfg(feature = "metrics")]
mod prometheus;

/// The public items, once for each version of axum.
macro_rules! exports {
    () => {
        pub use self::cache_status::{CacheStatusFuture, CacheStatusLayer, CacheStatusService};
        #[cfg(feature = "dashboard")]
        pub use self::dashboard::dashboard_router;
        pub use self::health::{HealthRouter, health_router};
        #[cfg(feature = "metrics")]
        pub use self::metrics::metrics_router;
        pub use self::unavailable::{
            AttachedError, ErrorReply, Unavailable, UnavailableFuture, UnavailableLayer, UnavailableService,
            attach_error, handle_error,
        };
        #[cfg(feature = "metrics")]
        pub use crate::prometheus::{InstallError, PrometheusHandle, install_prometheus, prometheus_builder};
    };
}

// Each version compiles the same files. They take `axum` and the syntax of its routes from here.
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
    mod text;
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
/// The paths and replies are those of axum 0.8. The examples are written for 0.8: the service
/// imports from `breaker_axum::axum_0_7` instead of `breaker_axum`. A route of a
/// [`Router`](https://docs.rs/axum/0.7/axum/struct.Router.html) of 0.7 has names as `:name` and
/// `*name`.
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
    mod text;
    mod unavailable;

    exports!();

    const ONE_BREAKER: &str = "/health/circuit-breakers/*name";
    #[cfg(feature = "dashboard")]
    const ONE_FILE: &str = "/:file";
}

/// Runs the examples of the README as documentation tests.
#[cfg(all(doctest, feature = "dashboard", feature = "axum-0-8"))]
#[doc = include_str!("../README.md")]
mod readme {}
