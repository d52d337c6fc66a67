use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(stream, classify = judge, failure_if(is_odd))]
async fn call() -> Result<u16, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
