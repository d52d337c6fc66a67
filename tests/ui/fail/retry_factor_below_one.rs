use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(factor = 0.5)]
async fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
