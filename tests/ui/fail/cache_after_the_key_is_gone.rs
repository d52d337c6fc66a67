use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};
use std::future::Future;

#[circuit_breaker]
#[fallback(cache(key = query))]
fn call(query: String) -> impl Future<Output = Result<String, CircuitBreakerError>> {
    let text = query + "?";
    std::future::ready(Ok(text))
}

fn main() {
    drop(call("a".to_owned()));
}
