use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

#[circuit_breaker(min_calls = 20, window = 5)]
impl Client {
    async fn get(&self) -> Result<u32, CircuitBreakerError> {
        Ok(1)
    }

    async fn put(&self) -> Result<u32, CircuitBreakerError> {
        Ok(2)
    }
}

fn main() {
    drop(Client.get());
    drop(Client.put());
}
