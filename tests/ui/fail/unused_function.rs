#![deny(dead_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn nobody_calls_it() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
fn nor_this() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
