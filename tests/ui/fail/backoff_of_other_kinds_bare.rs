use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(2.0, "10m"))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
