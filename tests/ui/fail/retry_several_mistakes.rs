use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(attempts = 1, min = "5s", max = "1s", factor = 0.5, jitter = -1)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
