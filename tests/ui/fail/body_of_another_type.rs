use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn call() -> Result<u8, CircuitBreakerError> {
    Ok("text")
}

fn main() {}
