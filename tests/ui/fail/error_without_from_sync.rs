use breaker_core::circuit_breaker;

#[derive(Debug)]
pub struct Fault;

#[circuit_breaker]
fn call() -> Result<u8, Fault> {
    Err(Fault)
}

fn main() {}
