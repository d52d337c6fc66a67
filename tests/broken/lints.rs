//! What the lints tell.
#![allow(unused_imports)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

type Reply<T> = Result<T, CircuitBreakerError>;

#[circuit_breaker]
async fn nobody_calls_it(n: u8) -> Reply<u8> {
    Ok(n)
}

#[circuit_breaker]
async fn unused_argument(n: u8, text: String) -> Reply<u8> {
    Ok(n)
}

#[circuit_breaker]
fn unused_argument_sync(n: u8, text: String) -> Reply<u8> {
    Ok(n)
}

#[circuit_breaker]
async fn unused_mut(mut n: u8) -> Reply<u8> {
    Ok(n)
}

#[circuit_breaker]
fn unused_mut_sync(mut n: u8) -> Reply<u8> {
    Ok(n)
}

#[circuit_breaker]
async fn unused_local(n: u8) -> Reply<u8> {
    let other = n;
    Ok(n)
}

#[circuit_breaker]
async fn unreachable(n: u8) -> Reply<u8> {
    return Ok(n);
    drop(n);
}

#[circuit_breaker]
fn unreachable_sync(n: u8) -> Reply<u8> {
    return Ok(n);
    drop(n);
}

#[circuit_breaker]
async fn unused_result(n: u8) -> Reply<u8> {
    unused_mut_sync(n);
    Ok(n)
}

#[circuit_breaker]
async fn unused_parentheses(n: u8) -> Reply<u8> {
    let n = (n + 1);
    Ok(n)
}

fn main() {
    drop((unused_argument(1, String::new()), unused_mut(1), unused_local(1), unreachable(1), unused_result(1)));
    drop((unused_argument_sync(1, String::new()), unreachable_sync(1), unused_parentheses(1)));
}
