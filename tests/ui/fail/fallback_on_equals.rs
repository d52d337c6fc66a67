use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cached, on = open)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn cached(id: u32) -> Option<u32> {
    Some(id)
}

fn main() {
    drop(call(1));
}
