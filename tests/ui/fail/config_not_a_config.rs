use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(config = 5u32.count_ones())]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
