use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(value(1), on(timeout))]
fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
