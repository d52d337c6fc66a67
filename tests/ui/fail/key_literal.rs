use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(key = "host")]
async fn call(host: &str, port: u16) -> Result<u16, CircuitBreakerError> {
    Ok(port + u16::try_from(host.len()).unwrap_or(0))
}

fn main() {}
