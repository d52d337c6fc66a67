use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

struct Client(u8);

impl Client {
    #[circuit_breaker]
    #[retry]
    async fn lends(&mut self, _text: &str) -> Result<&mut u8, CircuitBreakerError> {
        Ok(&mut self.0)
    }

    #[circuit_breaker]
    #[retry]
    async fn shares(&self, list: &mut [u8]) -> Result<&u8, CircuitBreakerError> {
        list[0] += 1;
        Ok(&self.0)
    }
}

fn main() {
    drop(Client(1).shares(&mut [1]));
}
