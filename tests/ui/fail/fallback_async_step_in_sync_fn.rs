use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

async fn spare() -> Option<u32> {
    None
}

#[circuit_breaker]
#[fallback(spare)]
fn call() -> Result<u32, CircuitBreakerError> {
    Ok(1)
}

fn main() {}
