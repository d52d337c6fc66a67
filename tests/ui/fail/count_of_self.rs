use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client {
    max: u32,
}

impl Client {
    #[circuit_breaker(fail_max = self.max)]
    async fn call(&self) -> Result<u32, CircuitBreakerError> {
        Ok(self.max)
    }
}

fn main() {
    drop(Client { max: 3 }.call());
}
