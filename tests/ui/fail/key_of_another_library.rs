use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(failure_threshold = 5)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
