use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

const ATTEMPTS: usize = 3;

#[circuit_breaker]
#[retry(attempts = ATTEMPTS)]
async fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
