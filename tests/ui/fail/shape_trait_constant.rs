use breaker_core::circuit_breaker;

trait Client {
    #[circuit_breaker]
    const ID: u32 = 1;
}

impl Client for u8 {}

fn main() {
    drop(u8::ID);
}
