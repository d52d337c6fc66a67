use breaker_core::circuit_breaker;

fn call(#[circuit_breaker] id: u32) -> u32 {
    id
}

fn main() {
    drop(call(1));
}
