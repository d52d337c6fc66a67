use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(exceptions_allowed_before_breaking = 5, duration_of_break = "30s", minimum_throughput = 10, on_break = told)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
