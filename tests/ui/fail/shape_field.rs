use breaker_core::circuit_breaker;

struct Client {
    #[circuit_breaker]
    id: u32,
}

fn main() {
    drop(Client { id: 1 }.id);
}
