use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(name = "")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
