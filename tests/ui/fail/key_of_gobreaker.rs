use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(max_requests = 5, interval = "60s", ready_to_trip = trips, is_successful = judge)]
async fn call(id: u32) -> Result<u32, CircuitBreakerError> {
    Ok(id)
}

fn main() {
    drop(call(1));
}
