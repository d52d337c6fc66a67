use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(classify = breaker_core::presets::both, exclude(str::is_empty), otherwise = ignored, failure_if(is_odd))]
async fn call() -> Result<u16, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
