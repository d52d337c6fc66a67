use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(None)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}



fn main() {
    drop(call(1));
}
