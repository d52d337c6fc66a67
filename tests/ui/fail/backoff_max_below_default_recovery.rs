use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(max = "10s"))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
