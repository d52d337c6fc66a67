use breaker_core::circuit_breaker;

#[circuit_breaker]
fn call(id: u32) -> impl Iterator<Item = u32> {
    [id].into_iter()
}

fn main() {
    drop(call(1).next());
}
