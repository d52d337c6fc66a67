use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(slow_call_duration = "10s", timeout = "5s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
