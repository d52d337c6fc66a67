use breaker_core::{CircuitBreakerError, circuit_breaker};

#[circuit_breaker(key = host)]
fn call(host: String) -> impl Future<Output = Result<String, CircuitBreakerError>> {
    std::future::ready(Ok(host))
}

fn main() {}
