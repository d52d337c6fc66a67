use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker(fail_max = 0)]
#[fallback(5)]
async fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
