use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(timeout = "5s")]
fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
