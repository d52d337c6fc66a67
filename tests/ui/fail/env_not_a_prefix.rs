use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(env_prefix = "my-service")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
