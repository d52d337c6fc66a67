use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(skip)]
fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
