use breaker_core::{CircuitBreakerError, circuit_breaker};

const SHARED: breaker_core::Config = breaker_core::Config::new();

#[circuit_breaker(SHARED)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
