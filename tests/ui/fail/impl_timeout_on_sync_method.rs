use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

#[circuit_breaker(timeout = "1s")]
impl Client {
    async fn get(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }

    fn put(&self) -> Result<u8, CircuitBreakerError> {
        Ok(2)
    }
}

fn main() {}
