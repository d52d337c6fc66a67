use std::pin::Pin;

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
fn call() -> Pin<Box<dyn Future<Output = Result<u8, CircuitBreakerError>>>> {
    Box::pin(async move {
        let n = "1".parse::<u8>().unwrap_or(0);
        n
    })
}

#[circuit_breaker]
fn other(n: u8) -> impl Future<Output = Result<u8, CircuitBreakerError>> {
    let m = n;
    std::future::ready(Ok(m.to_string()))
}

fn main() {}
