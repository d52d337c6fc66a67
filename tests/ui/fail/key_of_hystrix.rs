use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(request_volume_threshold = 20, error_threshold_percentage = 50, execution_timeout = 1000, command_key = "x")]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
