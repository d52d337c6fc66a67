use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = , critical = true)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
