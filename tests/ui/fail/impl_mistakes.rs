use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

struct Client;

#[circuit_breaker(fail_maxx = 3, recovery_timeout = 30)]
#[fallback(Self::size)]
impl Client {
    #[circuit_breaker(skip, fail_max = 0)]
    fn one(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }

    #[circuit_breaker]
    #[circuit_breaker(critical = true)]
    fn two(&self) -> Result<u8, CircuitBreakerError> {
        Ok(2)
    }

    #[fallback(5)]
    const fn three(&self) -> Result<u8, CircuitBreakerError> {
        Ok(3)
    }

    #[circuit_breaker]
    fn four(&self) {}

    fn size(&self) -> u8 {
        4
    }
}

fn uses(client: &Client) -> u8 {
    client.one().unwrap_or(0) + client.size() + client.no_such_method()
}

fn main() {}
