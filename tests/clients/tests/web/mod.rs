//! Runs servers with the answers that a test sets.
//!
//! It also checks a breaker's counts for HTTP and gRPC clients.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod grpc;
pub mod http1;
pub mod http2;
pub mod tls;

use breaker_core::CircuitBreaker;
use std::time::Duration;

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How many calls were successes, failures and ignored.
pub fn counted(breaker: &CircuitBreaker) -> (u64, u64, u64) {
    let seen = breaker.snapshot();
    (seen.success_count, seen.failure_count, seen.ignored_count)
}

/// For clients that use the process's default provider of cryptography.
pub fn tls() -> rustls::ClientConfig {
    let provider = rustls::crypto::ring::default_provider();
    rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
