use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::fmt;

fn text(rejection: CircuitBreakerError) -> String {
    rejection.to_string()
}

fn of_nothing() -> fmt::Error {
    fmt::Error
}

#[circuit_breaker(open = text)]
async fn of_another_type() -> Result<u8, fmt::Error> {
    Ok(1)
}

#[circuit_breaker(open = |rejection| rejection.to_string())]
fn by_closure() -> Result<u8, fmt::Error> {
    Ok(1)
}

#[circuit_breaker(open = of_nothing)]
async fn without_argument() -> Result<u8, fmt::Error> {
    Ok(1)
}

fn main() {}
