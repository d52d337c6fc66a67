use breaker_core::circuit_breaker;

unsafe extern "C" {
    #[circuit_breaker]
    safe fn abs(n: i32) -> i32;
}

fn main() {
    drop(abs(1));
}
