//! `unsafe fn`, `extern "Rust"` and raw identifiers.
#![deny(warnings)]

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback};

type Fault = CircuitBreakerError;

/// # Safety
/// None needed.
#[circuit_breaker]
pub async unsafe fn asynchronous(n: *const u8) -> Result<bool, Fault> {
    Ok(n.is_null())
}

/// # Safety
/// None needed.
#[circuit_breaker]
pub unsafe extern "Rust" fn synchronous(n: u8) -> Result<u8, Fault> {
    Ok(n)
}

#[circuit_breaker]
#[fallback(r#match)]
fn r#type(r#fn: u8, mut r#mut: u8) -> Result<u8, Fault> {
    r#mut += r#fn;
    Ok(r#mut)
}

fn r#match(_: u8, _: u8) -> Option<u8> {
    None
}

struct r#Struct;

impl r#Struct {
    #[circuit_breaker]
    #[fallback(Self::r#loop, |_| Some(r#in))]
    async fn r#for(&self, r#in: u8) -> Result<u8, Fault> {
        Ok(r#in)
    }

    fn r#loop(&self, _: u8) -> Option<u8> {
        None
    }
}

fn main() {
    assert_eq!(unsafe { synchronous(1) }.ok(), Some(1));
    drop(unsafe { asynchronous(std::ptr::null()) });
    assert_eq!(r#type(1, 2).ok(), Some(3));
    drop(Struct.r#for(1));
    let names: Vec<String> = Registry::global().breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
    assert!(names.iter().any(|name| name.ends_with("::type")), "{names:?}");
}
