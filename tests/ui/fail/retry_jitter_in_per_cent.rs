use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(jitter = 50%)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
