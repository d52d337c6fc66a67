use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "0s", backoff(factor = 3.0))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
