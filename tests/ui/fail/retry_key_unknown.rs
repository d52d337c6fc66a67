use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(max_retries = 3, colour = 1, jiter = 0.1)]
async fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
