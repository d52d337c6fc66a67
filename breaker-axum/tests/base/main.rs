//! Tests health routes, probes, replies and the dashboard's actions through a router.
//!
//! `axum_0_7.rs` runs the same tests for that version.
#![allow(
    clippy::incompatible_msrv,
    reason = "the tests are for the pinned toolchain, whatever the package can be built with"
)]

use ::axum;
use ::breaker_axum;

mod cache_status;
mod common;
#[cfg(feature = "dashboard")]
mod dashboard_actions;
mod health;
mod health_checks;
mod unavailable;
