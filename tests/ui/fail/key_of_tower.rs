use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(rate = 5, concurrency_limit = 5, max_retries = 3)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
