use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(on_cancel = ignored)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
