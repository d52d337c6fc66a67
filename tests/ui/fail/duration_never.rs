use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(fail_window = "never", timeout = "none", probe_timeout = None)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
