use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(factor = "2", max = 600, jitter = "10%"))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
