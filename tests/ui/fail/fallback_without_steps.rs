use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback]
async fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
