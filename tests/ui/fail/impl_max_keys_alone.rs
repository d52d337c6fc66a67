use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

#[circuit_breaker(max_keys = 10)]
impl Client {
    async fn one(&self) -> Result<u32, CircuitBreakerError> {
        Ok(1)
    }

    async fn two(&self) -> Result<u32, CircuitBreakerError> {
        Ok(2)
    }
}

fn main() {}
