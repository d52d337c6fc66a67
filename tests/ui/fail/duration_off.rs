use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "off")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
