use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(min = "20s")]
async fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
