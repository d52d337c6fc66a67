use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 0, recovery_timeout = 30, colour = 1, exclude())]
async fn call() -> Result<(), CircuitBreakerError> {
    Ok(())
}

fn main() {}
