use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

impl Client {
    const NAME: &str = "client";

    #[circuit_breaker(name = Self::NAME)]
    async fn call(&self) -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

fn main() {}
