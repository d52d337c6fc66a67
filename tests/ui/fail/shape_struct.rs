use breaker_core::circuit_breaker;

#[circuit_breaker]
struct Client;

fn main() {}
