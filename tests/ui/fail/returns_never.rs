use breaker_core::circuit_breaker;

#[circuit_breaker]
fn never() -> ! {
    panic!()
}

#[circuit_breaker]
async fn later() -> ! {
    panic!()
}

fn main() {}
