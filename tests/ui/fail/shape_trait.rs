use breaker_core::circuit_breaker;

#[circuit_breaker]
trait Client {}

fn main() {}
