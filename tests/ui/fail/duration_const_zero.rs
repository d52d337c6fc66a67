use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(probe_timeout = std::time::Duration::ZERO)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
