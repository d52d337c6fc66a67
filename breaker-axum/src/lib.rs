//! What operators and users of a service see of its circuit breakers, as axum routes: health, error replies, metrics, a live dashboard.

#[cfg(feature = "metrics")]
mod metrics;

#[cfg(feature = "metrics")]
pub use metrics::{InstallError, PrometheusHandle, install_prometheus, metrics_router, prometheus_builder};
