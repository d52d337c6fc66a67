use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

struct Client;

impl Client {
    #[circuit_breaker]
    #[fallback(Self::cached)]
    async fn call(&self, id: u32) -> Result<u32, CircuitBreakerError> {
        Ok(id)
    }

    fn cached(&mut self, id: u32) -> Option<u32> {
        Some(id)
    }
}

fn main() {
    drop(Client.call(1));
    drop(Client.cached(1));
}
