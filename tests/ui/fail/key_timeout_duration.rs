use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(timeout_duration = "30s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
