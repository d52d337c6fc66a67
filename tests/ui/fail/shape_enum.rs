use breaker_core::circuit_breaker;

#[circuit_breaker]
pub enum Client {}

fn main() {}
