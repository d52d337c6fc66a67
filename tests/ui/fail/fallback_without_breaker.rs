use breaker_core::{CircuitBreakerError, fallback};

#[fallback(value(1))]
#[allow(dead_code)]
#[rustfmt::skip]
async fn call() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
