use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
const fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
