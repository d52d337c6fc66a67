use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(window = 100, min_calls = 20)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
