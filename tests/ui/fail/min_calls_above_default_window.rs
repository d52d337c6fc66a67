use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(failure_rate = 0.5, min_calls = 200)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
