use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = 30u64, timeout = 30.0)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
