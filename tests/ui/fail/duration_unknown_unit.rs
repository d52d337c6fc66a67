use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "30 blinks")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
