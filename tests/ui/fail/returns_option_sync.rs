use breaker_core::circuit_breaker;

#[circuit_breaker]
fn call() -> Option<u8> {
    Some(1)
}

fn main() {}
