//! What the parser tells.
#![allow(dead_code, unused_imports)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
async fn missing_value(text: &str) -> Result<usize, CircuitBreakerError> {
    let length = ;
    Ok(text.len())
}

#[circuit_breaker]
fn missing_operand(text: &str) -> Result<usize, CircuitBreakerError> {
    let length = text.len() + ;
    Ok(length)
}

#[circuit_breaker]
async fn missing_brackets(text: &str) -> Result<usize, CircuitBreakerError> {
    let n = match text { "a" = 1 };
    Ok(n)
}

fn main() {}
