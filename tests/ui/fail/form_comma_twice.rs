use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 5,, critical = 1)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
