use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn call(text: String) -> Result<usize, CircuitBreakerError> {
    drop(text);
    Ok(text.len())
}

fn main() {}
