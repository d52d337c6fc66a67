use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(Some(5), Ok(5))]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}



fn main() {
    drop(call(1));
}
