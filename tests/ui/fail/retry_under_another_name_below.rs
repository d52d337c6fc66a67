use breaker_core::{CircuitBreakerError, circuit_breaker, fallback as instead, retry as again};

#[circuit_breaker]
#[again(attempts = 2)]
async fn tried_again() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

#[circuit_breaker]
#[instead(value(2))]
fn served() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
