use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Client;

#[circuit_breaker]
#[retry]
impl Client {
    async fn call(&self) -> Result<u32, CircuitBreakerError> {
        Ok(1)
    }
}

fn main() {}
