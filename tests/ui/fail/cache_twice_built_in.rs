use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(l1 = cache(key = query), l2 = cache(key = query))]
async fn call(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

fn main() {
    drop(call("a"));
}
