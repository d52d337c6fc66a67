use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "-5s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
