use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(timeout = std::time::Duration::from_secs(id as u64))]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
