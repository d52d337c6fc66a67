use breaker_core::{CircuitBreakerError, circuit_breaker};

use std::pin::Pin;

#[circuit_breaker]
fn call() -> Pin<Box<dyn Future<Output = Result<(), CircuitBreakerError>> + Send>> {
    Box::pin(async { Ok(()) })
}

fn main() {}
