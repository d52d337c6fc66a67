use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(min = "2 seconds")]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
