use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(ramp = "0s")]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
