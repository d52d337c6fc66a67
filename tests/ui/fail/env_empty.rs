use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(env_prefix = "")]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
