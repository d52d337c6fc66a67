use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(half_open_max_calls = -1)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
