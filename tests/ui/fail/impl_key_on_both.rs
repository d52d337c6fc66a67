use breaker_core::{CircuitBreakerError, circuit_breaker};

struct Client;

#[circuit_breaker(fail_max = 3, critical = true, exclude(CircuitBreakerError))]
impl Client {
    #[circuit_breaker(fail_max = 1, half_open_max_calls = 2, exclude(|_| true))]
    fn shares(&self) -> Result<u8, CircuitBreakerError> {
        Ok(1)
    }

    #[circuit_breaker(name = "own", fail_max = 1, critical = false)]
    fn own(&self) -> Result<u8, CircuitBreakerError> {
        Ok(2)
    }
}

fn main() {}
