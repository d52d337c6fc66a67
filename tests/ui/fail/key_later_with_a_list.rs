use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(factor = 2.0), fail_max = 5)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
