//! Attributes of the language around the breaker, and the function as a value.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use std::panic::Location;
use std::pin::Pin;

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

type Fault = CircuitBreakerError;

/// Documented below and above.
#[circuit_breaker]
#[cold]
#[inline(never)]
#[deprecated = "to see that it stays"]
/// More.
pub fn old(n: u8) -> Result<u8, Fault> {
    Ok(n)
}

#[cfg(any())]
#[circuit_breaker]
fn not_there(value: NoSuchType) -> Result<u8, Fault> {
    Ok(value)
}

#[cfg_attr(not(any()), circuit_breaker(name = "by_cfg_attr"))]
#[cfg_attr(any(), no_such_attribute)]
fn by_cfg_attr() -> Result<u8, Fault> {
    Ok(1)
}

#[circuit_breaker]
#[cfg(not(any()))]
#[allow(clippy::too_many_arguments)]
#[rustfmt::skip]
async fn twelve(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8) -> Result<u8, Fault> {
    Ok(a + b + c + d + e + f + g + h + i + j + k + l)
}

#[expect(unused_variables)]
#[circuit_breaker]
async fn expected() -> Result<u8, Fault> {
    let unused = 1;
    Ok(2)
}

#[must_use = "it is the answer"]
#[circuit_breaker]
fn answer() -> Result<&'static Location<'static>, Fault> {
    Ok(located())
}

#[track_caller]
fn located() -> &'static Location<'static> {
    Location::caller()
}

#[circuit_breaker]
#[track_caller]
fn tracked() -> Result<u32, Fault> {
    Ok(Location::caller().line())
}

#[circuit_breaker]
fn uninhabited() -> Result<std::convert::Infallible, Fault> {
    let future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {});
    drop(future);
    panic!("never called")
}

mod imported {
    #[breaker_core::circuit_breaker]
    #[breaker_core::fallback(value(2))]
    pub(super) fn by_path() -> Result<u8, super::Fault> {
        Ok(1)
    }
}

#[circuit_breaker]
#[fallback(value(Vec::new()))]
async fn list() -> Result<Vec<u8>, Fault> {
    Ok(vec![1])
}

fn called<F: Future<Output = Result<u8, Fault>>>(f: impl Fn(u8) -> F) -> usize {
    size_of_val(&f(1))
}

#[circuit_breaker]
async fn one(n: u8) -> Result<u8, Fault> {
    Ok(n)
}

fn main() {
    #[allow(deprecated)]
    let pointer: fn(u8) -> Result<u8, Fault> = old;
    assert_eq!(pointer(1).ok(), Some(1));
    assert_eq!(by_cfg_attr().ok(), Some(1));
    let twelve = twelve(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    drop((twelve, expected(), tracked(), list()));
    assert!(answer().is_ok_and(|place| place.file() == file!()));
    let never: fn() -> Result<std::convert::Infallible, Fault> = uninhabited;
    assert_ne!(never as usize, 0);
    assert_eq!(imported::by_path().ok(), Some(1));
    assert!(called(one) > 0);
}
