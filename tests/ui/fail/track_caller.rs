// A warning, which is denied here so that its words are compared.
#![deny(deprecated)]

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;

use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
#[track_caller]
fn tracked() -> Result<&'static Location<'static>, CircuitBreakerError> {
    Ok(Location::caller())
}

#[track_caller]
#[circuit_breaker]
fn returns_another() -> Pin<Box<dyn Future<Output = Result<u8, CircuitBreakerError>>>> {
    other()
}

fn other() -> Pin<Box<dyn Future<Output = Result<u8, CircuitBreakerError>>>> {
    Box::pin(async { Ok(1) })
}

struct Client;

#[circuit_breaker]
impl Client {
    #[track_caller]
    fn method(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }
}

fn main() {
    drop((tracked(), returns_another(), Client.method()));
}
