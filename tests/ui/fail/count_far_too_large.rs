use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 18446744073709551616)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
