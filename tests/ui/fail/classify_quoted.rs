use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(classify = "presets::both")]
async fn call() -> Result<u16, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
