use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(recovery_timeout = std::primitive::u64::MAX)]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
