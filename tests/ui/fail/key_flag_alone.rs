use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(critical)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
