use breaker_core::circuit_breaker;

struct Client;

trait Get {
    fn get(&self) -> u32;
}

#[circuit_breaker]
impl Get for Client {
    fn get(&self) -> u32 {
        1
    }
}

fn main() {
    drop(Client.get());
}
