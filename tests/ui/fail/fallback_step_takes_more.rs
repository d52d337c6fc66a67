use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cached)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn cached(id: u32, other: u32) -> Option<u32> {
    Some(id + other)
}

fn main() {
    drop(call(1));
}
