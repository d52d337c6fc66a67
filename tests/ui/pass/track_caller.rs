//! A `#[track_caller]` without an effect is a warning, of the lint `deprecated`, and calls work all the same.
#![deny(warnings)]

use std::panic::Location;

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
#[track_caller]
#[allow(deprecated)]
fn tracked() -> Result<&'static Location<'static>, CircuitBreakerError> {
    Ok(Location::caller())
}

/// As the warning says it.
#[track_caller]
fn handed_over() -> Result<&'static Location<'static>, CircuitBreakerError> {
    told(Location::caller())
}

#[circuit_breaker]
fn told(caller: &'static Location<'static>) -> Result<&'static Location<'static>, CircuitBreakerError> {
    Ok(caller)
}

/// In an `impl` block, in which the attribute may stand at the head.
struct Client;

#[allow(deprecated)]
#[circuit_breaker]
impl Client {
    #[track_caller]
    fn method(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }
}

fn main() {
    assert_eq!(tracked().unwrap().line(), 12);
    assert_eq!(handed_over().unwrap().line(), line!());
    assert_eq!(Client.method().unwrap(), 1);
}
