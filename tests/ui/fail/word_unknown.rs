use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(otherwise = maybe)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
