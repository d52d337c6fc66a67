use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::future::Future;
use std::pin::Pin;

type Answer = Pin<Box<dyn Future<Output = Result<u8, CircuitBreakerError>>>>;

#[circuit_breaker]
fn call() -> Answer {
    Box::pin(async { Ok(1) })
}

fn main() {
    drop(call());
}
