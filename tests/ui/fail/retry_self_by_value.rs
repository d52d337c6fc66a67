use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Service;

impl Service {
    #[circuit_breaker]
    #[retry]
    async fn call(self) -> Result<u32, CircuitBreakerError> {
        Ok(1)
    }

    #[circuit_breaker]
    #[retry]
    async fn boxed(self: Box<Self>) -> Result<u32, CircuitBreakerError> {
        Ok(1)
    }
}

fn main() {}
