use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 5usize, half_open_max_calls = 1i64)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
