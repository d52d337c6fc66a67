use breaker_core::circuit_breaker;

#[circuit_breaker]
use std::time::Duration;

fn main() {
    drop(Duration::ZERO);
}
