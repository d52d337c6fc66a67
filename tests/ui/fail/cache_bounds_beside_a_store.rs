use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cache(store = (), key = query, max = 10, ttl = "1m"))]
async fn call(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

fn main() {
    drop(call("a"));
}
