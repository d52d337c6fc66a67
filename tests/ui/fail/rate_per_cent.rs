use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(failure_rate = 50%, slow_call_rate = "20%", slow_call_duration = "1s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
