use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[derive(Debug)]
struct Client;

#[circuit_breaker]
impl Client {
    #[retry]
    fn call(&mut self) -> impl Future<Output = Result<String, CircuitBreakerError>> {
        async move { Ok(format!("{self:?}")) }
    }
}

fn main() {}
