//! rustc tells the mistake in the body, once, and nothing else: the function is there for its callers.
use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn asynchronous(text: &str) -> Result<usize, CircuitBreakerError> {
    let length = ;
    Ok(text.len())
}

#[circuit_breaker]
fn synchronous(text: &str) -> Result<usize, CircuitBreakerError> {
    let length = text.len() + ;
    Ok(length)
}

fn main() {
    drop(asynchronous("a"));
    let _: Result<usize, CircuitBreakerError> = synchronous("a");
}
