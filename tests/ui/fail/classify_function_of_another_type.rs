use breaker_core::{CircuitBreakerError, circuit_breaker};

fn judge(error: &CircuitBreakerError) -> breaker_core::Outcome {
    let _ = error;
    breaker_core::Outcome::failure()
}

#[circuit_breaker(classify = judge)]
async fn call() -> Result<u16, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
