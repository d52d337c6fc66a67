use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker("payments")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
