use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(success_threshold = 4294967296)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
