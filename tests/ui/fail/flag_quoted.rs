use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(critical = "true")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
