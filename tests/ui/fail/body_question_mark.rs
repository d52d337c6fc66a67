use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn call(text: &str) -> Result<u8, CircuitBreakerError> {
    let n: u8 = text.parse()?;
    Ok(n)
}

fn main() {}
