use breaker_core::circuit_breaker;

#[circuit_breaker]
mod client {}

fn main() {}
