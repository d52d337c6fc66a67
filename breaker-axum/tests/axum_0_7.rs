//! Runs the tests of `base` for axum 0.7.
#![allow(
    clippy::incompatible_msrv,
    reason = "the tests are for the pinned toolchain, whatever the package can be built with"
)]

use ::axum_0_7 as axum;
use ::breaker_axum::axum_0_7 as breaker_axum;

#[path = "base/cache_status.rs"]
mod cache_status;
#[path = "base/common.rs"]
mod common;
#[cfg(feature = "dashboard")]
#[path = "base/dashboard_actions.rs"]
mod dashboard_actions;
#[path = "base/health.rs"]
mod health;
#[path = "base/health_checks.rs"]
mod health_checks;
#[path = "base/unavailable.rs"]
mod unavailable;
