use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(cache(key = (query, threshold)))]
async fn call(query: &str, threshold: f64) -> Result<String, CircuitBreakerError> {
    Ok(format!("{query} {threshold}"))
}

fn main() {
    drop(call("a", 0.5));
}
