use breaker_core::{circuit_breaker, fallback};

#[derive(Debug)]
pub struct Fault;

#[circuit_breaker]
#[fallback(value(1))]
async fn call() -> Result<u8, Fault> {
    Err(Fault)
}

fn main() {}
