use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry(attempts = times, min = ms)]
async fn call(times: u64, ms: u64) -> Result<u64, CircuitBreakerError> {
    Ok(times + ms)
}

fn main() {
    drop(call(3, 100));
}
