use breaker_core::circuit_breaker;

fn main() {
    #[circuit_breaker]
    let one = 1;
    drop(one);
}
