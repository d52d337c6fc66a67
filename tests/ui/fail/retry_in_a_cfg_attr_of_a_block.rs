use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Client;

#[circuit_breaker]
impl Client {
    #[cfg_attr(all(), retry(attempts = 2))]
    async fn call(&self) -> Result<u32, CircuitBreakerError> {
        Ok(1)
    }
}

fn main() {}
