use breaker_core::circuit_breaker;

#[derive(circuit_breaker)]
struct Client;

fn main() {
    drop(Client);
}
