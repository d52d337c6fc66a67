use breaker_core::{CircuitBreakerError, circuit_breaker};

const HALF: f32 = 0.5;

#[circuit_breaker(failure_rate = HALF)]
fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
