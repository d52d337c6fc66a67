use breaker_core::circuit_breaker;

#[circuit_breaker]
unsafe extern "C" {
    safe fn abs(n: i32) -> i32;
}

fn main() {
    drop(abs(1));
}
