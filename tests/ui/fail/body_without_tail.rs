use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn call(n: u8) -> Result<u8, CircuitBreakerError> {
    Ok(n);
}

fn main() {}
