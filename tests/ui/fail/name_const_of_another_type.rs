use breaker_core::{CircuitBreakerError, circuit_breaker};

const NAME: u32 = 1;

#[circuit_breaker(name = NAME)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
