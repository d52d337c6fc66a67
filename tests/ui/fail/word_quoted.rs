use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(on_panic = "ignore")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
