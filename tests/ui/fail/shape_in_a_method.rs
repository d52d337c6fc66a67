use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

impl Client {
    #[circuit_breaker(fail_max = 0)]
    const fn call(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }
}

fn uses(client: &Client) -> u8 {
    client.call().unwrap_or(0) + client.no_such_method()
}

fn main() {}
