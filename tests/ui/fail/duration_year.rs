use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "1 year")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
