use breaker_core::circuit_breaker;

#[circuit_breaker]
async fn call() {}

fn main() {}
