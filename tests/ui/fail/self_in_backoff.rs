use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

impl Client {
    const FACTOR: f64 = 2.0;

    #[circuit_breaker(backoff(factor = Self::FACTOR))]
    async fn call(&self) -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

fn main() {
    drop(Client.call());
    let _ = Client::FACTOR;
}
