use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(colour = "red")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
