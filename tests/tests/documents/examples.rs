//! Compiles each example of `docs/settings.toml`.
#![allow(dead_code, clippy::unused_async, reason = "the examples have to compile, and are not called")]

use breaker_core::{CircuitBreakerError, Classify, circuit_breaker, presets, retry};
use futures_util::stream::{self, BoxStream, StreamExt};
use std::io;

/// For `crate = my_sdk::breaker_core`.
mod my_sdk {
    pub(crate) use ::breaker_core;
}

#[derive(Debug, thiserror::Error)]
#[error("the input is not valid")]
pub(crate) struct ValidationError;

#[derive(Debug, thiserror::Error, Classify)]
pub(crate) enum ApiError {
    #[error("not called")]
    CircuitOpen(#[from] CircuitBreakerError),
    #[error("the input is not valid")]
    #[classify(ignored)]
    Validation(#[from] ValidationError),
    #[error("not found")]
    #[classify(success)]
    NotFound,
    #[error("status {status}")]
    Http { status: u16 },
}

fn is_server_error(error: &ApiError) -> bool {
    matches!(error, ApiError::Http { status: 500.. })
}

fn not_called(rejection: CircuitBreakerError) -> io::Error {
    io::Error::other(rejection)
}

/// Functions of one shape, each with keys of its own.
macro_rules! functions {
    ($($function:ident: $keys:tt;)*) => {$(
        #[circuit_breaker $keys]
        async fn $function(host: &str) -> Result<(), ApiError> {
            if host.is_empty() { Err(ApiError::NotFound) } else { Ok(()) }
        }
    )*};
}

functions! {
    name: (name = "payments");
    fail_max: (fail_max = 3);
    fail_window: (fail_window = "2m");
    failure_rate: (failure_rate = 0.5);
    window_fail_max: (window_fail_max = 20);
    slow_call_duration: (slow_call_duration = "2s");
    slow_call_rate: (slow_call_duration = "2s", slow_call_rate = 0.8);
    window: (failure_rate = 0.5, window = "1m");
    min_calls: (failure_rate = 0.5, min_calls = 20);
    recovery_timeout: (recovery_timeout = "10s");
    half_open_max_calls: (half_open_max_calls = 2);
    success_threshold: (success_threshold = 3);
    probe_timeout: (probe_timeout = "1m");
    probe_count: (probe_count = 3);
    probe_failure_rate: (probe_failure_rate = 0.5);
    backoff: (backoff(factor = 3.0, max = "5m"));
    factor: (backoff(factor = 3.0));
    max: (backoff(max = "5m"));
    jitter: (backoff(jitter = 0.2));
    ramp: (ramp = "30s");
    timeout: (timeout = "5s");
    max_concurrent: (max_concurrent = 256);
    exclude: (exclude(ValidationError));
    success: (success(ApiError::NotFound));
    include: (include(is_server_error));
    otherwise: (include(is_server_error), otherwise = success);
    classify: (classify);
    classify_by_a_preset: (classify = presets::any);
    on_cancel: (on_cancel = "10s");
    on_panic: (on_panic = ignore);
    config: (config = crate::SHARED);
    env_prefix: (env_prefix = "PAYMENTS");
    critical: (critical = true);
    enabled: (enabled = false);
    in_another_crate: (crate = my_sdk::breaker_core);
}

#[circuit_breaker(key = host)]
async fn key(host: &str) -> Result<usize, ApiError> {
    Ok(host.len())
}

#[circuit_breaker(key = host, max_keys = 100)]
async fn max_keys(host: &str) -> Result<usize, ApiError> {
    Ok(host.len())
}

#[circuit_breaker(failure_if(|r| r.status().is_server_error()))]
async fn failure_if() -> Result<http::Response<()>, ApiError> {
    Ok(http::Response::new(()))
}

#[circuit_breaker(open = not_called)]
async fn open() -> io::Result<()> {
    Ok(())
}

#[circuit_breaker(stream)]
async fn items() -> Result<BoxStream<'static, Result<u32, ApiError>>, ApiError> {
    Ok(stream::iter([Ok(1)]).boxed())
}

#[circuit_breaker(name = "documents_retry", fail_max = 100)]
#[retry]
pub(crate) async fn retried_by_default() -> Result<(), ApiError> {
    Err(ApiError::Http { status: 503 })
}

#[circuit_breaker(name = "documents_retry")]
#[retry(attempts = 5)]
pub(crate) async fn retried_up_to_the_longest_wait() -> Result<(), ApiError> {
    Err(ApiError::Http { status: 503 })
}

/// Functions of one shape, each with keys of `#[retry]`.
macro_rules! retried {
    ($($function:ident: $keys:tt;)*) => {$(
        #[circuit_breaker]
        #[retry $keys]
        async fn $function() -> Result<(), ApiError> {
            Ok(())
        }
    )*};
}

retried! {
    attempts: (attempts = 5);
    min: (min = "500ms");
    longest: (max = "1m");
    growth: (factor = 1.5);
    random: (jitter = 0.2);
    wait: (wait = "30s");
    total: (total = "30s");
    when: (when(ApiError::Http { status: 503, .. }));
}
