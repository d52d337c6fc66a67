use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::fmt;

fn not_called(_: CircuitBreakerError) -> fmt::Error {
    fmt::Error
}

#[circuit_breaker(open = not_called(1))]
async fn call() -> Result<u8, fmt::Error> {
    Ok(1)
}

#[circuit_breaker(open = || fmt::Error)]
async fn no_argument() -> Result<u8, fmt::Error> {
    Ok(1)
}

#[circuit_breaker(open = async |_| fmt::Error)]
async fn waits() -> Result<u8, fmt::Error> {
    Ok(1)
}

#[circuit_breaker(open = "not_called")]
async fn text() -> Result<u8, fmt::Error> {
    Ok(1)
}

#[circuit_breaker(open = not_called, failure_if(|n| *n > 1))]
#[breaker_core::fallback(value(1))]
async fn no_result() -> u8 {
    1
}

fn main() {}
