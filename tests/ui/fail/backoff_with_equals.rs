use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff = 2.0)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
