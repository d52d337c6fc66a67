use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = "99999999999999999999s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
