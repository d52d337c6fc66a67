use std::pin::Pin;

use breaker_core::circuit_breaker;

#[circuit_breaker]
fn call() -> impl Future<Output = Option<u8>> {
    async { Some(1) }
}

#[circuit_breaker]
fn boxed() -> Pin<Box<dyn Future<Output = u8>>> {
    let future = async { 1 };
    Box::pin(future)
}

fn main() {}
