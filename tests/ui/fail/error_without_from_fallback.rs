use breaker_core::{circuit_breaker, fallback};

#[derive(Debug)]
pub struct Fault;

#[circuit_breaker]
#[fallback(|_| Some(1))]
async fn call() -> Result<u8, Fault> {
    Err(Fault)
}

fn main() {}
