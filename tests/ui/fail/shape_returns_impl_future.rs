use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker]
fn call() -> impl Future<Output = Result<(), CircuitBreakerError>> {
    async { Ok(()) }
}

fn main() {}
