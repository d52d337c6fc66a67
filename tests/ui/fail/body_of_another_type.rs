use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn call() -> Result<u8, CircuitBreakerError> {
    let n: u8 = "text";
    Ok(n)
}

fn main() {}
