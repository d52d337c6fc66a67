use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(name = "first")]
#[circuit_breaker(name = "second")]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
