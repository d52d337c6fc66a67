use std::pin::Pin;

use breaker_core::circuit_breaker;

struct Fault;

#[circuit_breaker]
fn call() -> impl Future<Output = Result<u8, Fault>> {
    async { Ok(1) }
}

#[circuit_breaker]
fn boxed() -> Pin<Box<dyn Future<Output = Result<u8, Fault>>>> {
    let future = async { Ok(1) };
    Box::pin(future)
}

fn main() {}
