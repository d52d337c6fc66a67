use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(slow_call_rate = 0.5)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
