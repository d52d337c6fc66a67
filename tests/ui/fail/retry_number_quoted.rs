use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(jitter = "0.1", factor = 2x)]
async fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
