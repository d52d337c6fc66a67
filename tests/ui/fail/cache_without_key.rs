use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cache(max = 10))]
async fn call(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

fn main() {
    drop(call("a"));
}
