use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(reset_timeout = "30s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
