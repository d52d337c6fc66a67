use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(failure_if(_))]
async fn call() -> Result<u16, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
