use breaker_core::{CircuitBreakerError, fallback};

#[fallback(value(1))]
async fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
