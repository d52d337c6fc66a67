//! Tests what a Prometheus sees of the assistant, and the files in `dashboards/`.
//!
//! Prometheus and `promtool` are in the Debian package `prometheus`.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod dashboard;
mod dead;
mod outage;
mod rules;
mod server;

use std::path::PathBuf;

/// A file of `dashboards/`.
fn dashboards(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dashboards").join(file)
}
