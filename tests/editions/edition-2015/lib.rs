//! What edition 2015 has: functions that are not async.
#![deny(warnings)]
#![forbid(unsafe_code)]

extern crate fuse;

use fuse::{circuit_breaker, fallback, CircuitBreakerError};

/// A function with a fallback.
///
/// # Errors
/// When the breaker is open.
#[circuit_breaker(crate = ::fuse, fail_max = 1)]
#[fallback(|_| if n > 1 { Some(0) } else { None })]
pub fn call(n: u8) -> Result<u8, CircuitBreakerError> {
    Ok(n)
}

#[test]
fn a_function_of_edition_2015() {
    assert_eq!(call(1).ok(), Some(1));
    let breaker = fuse::Registry::global().get("breaker_edition_2015::call").expect("its breaker");
    breaker.force_open();
    assert_eq!(call(1).ok(), None);
    assert_eq!(call(2).ok(), Some(0));
}
