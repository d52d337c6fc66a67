use breaker_core::{CircuitBreakerError, circuit_breaker, retry};

#[circuit_breaker]
#[retry]
fn call() -> impl Future<Output = Result<u32, CircuitBreakerError>> {
    async move { Ok(1) }
}

fn main() {}
