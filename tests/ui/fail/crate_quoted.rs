use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(crate = "breaker_core")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
