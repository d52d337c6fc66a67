use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = usize::MAX)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
