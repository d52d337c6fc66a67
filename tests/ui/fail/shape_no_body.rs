use breaker_core::{CircuitBreakerError, circuit_breaker};

trait Client {
    #[circuit_breaker]
    async fn call(&self) -> Result<(), CircuitBreakerError>;
}

fn main() {}
