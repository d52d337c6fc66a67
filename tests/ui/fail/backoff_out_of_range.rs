use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(factor = 0.5, max = "0s", jitter = 20))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
