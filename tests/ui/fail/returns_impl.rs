use std::fmt::Display;

use breaker_core::circuit_breaker;

#[circuit_breaker]
fn shown(n: u8) -> impl Display {
    n
}

#[circuit_breaker]
async fn later(n: u8) -> impl Display {
    n
}

fn main() {}
