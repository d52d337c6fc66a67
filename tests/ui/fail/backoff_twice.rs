use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(factor = 2.0, factor = 3.0))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
