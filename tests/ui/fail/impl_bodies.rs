use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

#[circuit_breaker]
impl Client {
    async fn get(&self) -> Result<u8, CircuitBreakerError> {
        let n: u8 = "1";
        Ok(n)
    }

    fn put(&self) -> Result<u8, CircuitBreakerError> {
        self.no_such_method();
        Ok(2)
    }

    fn open(&self) -> Result<u8, std::fmt::Error> {
        Ok(3)
    }
}

fn main() {}
