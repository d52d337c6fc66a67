use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(factor = 1e400)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {
    drop(call());
}
