use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(key = "{host}")]
async fn call(host: &str) -> Result<usize, CircuitBreakerError> {
    Ok(host.len())
}

fn main() {
    drop(call("a"));
}
