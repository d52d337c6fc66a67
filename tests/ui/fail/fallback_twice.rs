use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(value(1))]
#[fallback(value(2))]
async fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
