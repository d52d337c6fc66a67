use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(probe_timeout = "0s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
