use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(classify, otherwise = ignored)]
async fn call() -> Result<u16, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
