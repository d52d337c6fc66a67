use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(slow_call_duration = 2)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
