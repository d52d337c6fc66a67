use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(backoff(factr = 2.0, maximum = "5m", multiplier = 2))]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
