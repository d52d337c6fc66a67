use breaker_core::circuit_breaker;

struct Client;

#[circuit_breaker]
impl Client {}

fn main() {}
