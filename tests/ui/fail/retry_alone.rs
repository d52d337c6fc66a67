use breaker_core::{CircuitBreakerError, retry};

#[retry(attempts = 3)]
async fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
