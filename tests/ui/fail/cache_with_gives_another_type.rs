use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cache(key = query, with = |answer, metadata| (answer, metadata.fallback_age_ms)))]
async fn call(query: &str) -> Result<String, CircuitBreakerError> {
    Ok(query.to_owned())
}

fn main() {
    drop(call("a"));
}
