use breaker_core::{CircuitBreakerError, Stored, circuit_breaker, fallback};
use std::future::Future;

struct Client {
    answers: moka::future::Cache<u8, Stored<u8>>,
    calls: u8,
}

impl Client {
    #[circuit_breaker]
    #[fallback(cache(store = self.answers, key = 1))]
    fn call(&mut self) -> impl Future<Output = Result<u8, CircuitBreakerError>> {
        async move {
            self.calls += 1;
            Ok(self.calls)
        }
    }
}

fn main() {
    drop(Client { answers: moka::future::Cache::new(1), calls: 0 }.call());
}
