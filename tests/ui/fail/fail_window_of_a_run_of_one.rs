use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 1, fail_window = "60s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
