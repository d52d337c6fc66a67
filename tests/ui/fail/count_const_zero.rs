use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 1 - 1)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
