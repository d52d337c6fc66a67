use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
extern "C" fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
