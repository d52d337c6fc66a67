//! What operators and users of a service see of its circuit breakers, as axum routes: health, error replies, metrics, a live dashboard.

#[cfg(feature = "dashboard")]
pub mod dashboard;

#[cfg(feature = "dashboard")]
pub use dashboard::dashboard_router;
