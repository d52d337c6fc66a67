use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "1m", backoff(max = "30s"))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
