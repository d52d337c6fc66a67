use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(l1 = cache(max = 0, ttl = 10, size = 3), l2 = cache(ttl = 20))]
async fn call(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

#[circuit_breaker]
#[fallback(cache(key = query, key = query, with = "text"), cache(key = query, max = 0.5))]
async fn twice(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

fn main() {
    drop((call("a"), twice("a")));
}
