//! An argument that only a fallback step uses is used; one that nobody uses is told once, as without the attribute.
#![deny(warnings)]
#![forbid(unsafe_code)]

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry};

#[circuit_breaker]
#[fallback(|_| Some(format!("{text} {first}")))]
async fn closure(text: String, (first, _second): (String, String)) -> Result<String, CircuitBreakerError> {
    Ok(String::new())
}

#[circuit_breaker]
#[fallback(with_both, |_| Some(first.len()), on(open, failure))]
fn path(text: String, (first, _second): (String, String), count: &mut usize) -> Result<usize, CircuitBreakerError> {
    Ok(*count)
}

fn with_both(text: String, (first, second): (String, String), count: &mut usize) -> Option<usize> {
    Some(text.len() + first.len() + second.len() + *count)
}

#[circuit_breaker]
#[fallback(|_| { *seen += 1; None }, on(open, failure))]
async fn borrowed(seen: &mut usize) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker]
#[retry]
#[fallback(|_| { *seen += 1; None }, on(open, failure))]
async fn tried_again(seen: &mut usize) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker]
async fn told(
    #[expect(unused_variables)] nobody: String,
    #[expect(unused_mut)] mut no_need: u8,
) -> Result<u8, CircuitBreakerError> {
    Ok(no_need)
}

fn main() {
    drop(closure(String::new(), (String::new(), String::new())));
    assert_eq!(path(String::new(), (String::new(), String::new()), &mut 1).ok(), Some(1));
    drop(borrowed(&mut 1));
    drop(tried_again(&mut 1));
    drop(told(String::new(), 1));
}
