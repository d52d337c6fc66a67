use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 5, fail_max = 6)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
