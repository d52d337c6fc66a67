use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

#[circuit_breaker]
impl Client {}

struct Other;

#[circuit_breaker]
impl Other {
    fn size(&self) -> usize {
        1
    }

    #[circuit_breaker(skip)]
    fn call(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }
}

fn main() {}
