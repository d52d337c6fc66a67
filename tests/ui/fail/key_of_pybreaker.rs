use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_max = 5, reset_timeout = 60, exclude = [ApiError], listeners = told)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
