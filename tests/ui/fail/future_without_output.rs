use breaker_core::circuit_breaker;

#[circuit_breaker]
fn call() -> impl Future {
    async {}
}

fn main() {}
