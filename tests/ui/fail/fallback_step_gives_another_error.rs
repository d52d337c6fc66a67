use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cached)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn cached(id: u32) -> Result<u32, std::fmt::Error> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
