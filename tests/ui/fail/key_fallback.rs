use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fallback = spare, fail_max = 5)]
fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
