use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(failure_rate = 50%, slow_rate = "20%", slow_call = "1s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
