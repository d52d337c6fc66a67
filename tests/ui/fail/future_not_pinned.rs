use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
fn call() -> Box<dyn Future<Output = Result<(), CircuitBreakerError>>> {
    Box::new(async { Ok(()) })
}

fn main() {}
