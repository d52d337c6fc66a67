use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(spare(text))]
async fn call(text: String) -> Result<u32, CircuitBreakerError> {
    Ok(text.len() as u32)
}

fn main() {}
