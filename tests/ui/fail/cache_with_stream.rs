use breaker_core::{CircuitBreakerError, circuit_breaker, fallback};
use futures_util::Stream;
use std::pin::Pin;

type Tokens = Pin<Box<dyn Stream<Item = Result<u8, CircuitBreakerError>> + Send>>;

#[circuit_breaker(stream)]
#[fallback(cache(key = query))]
async fn call(query: &str) -> Result<Tokens, CircuitBreakerError> {
    let _ = query;
    Ok(Box::pin(futures_util::stream::empty()))
}

fn main() {
    drop(call("a"));
}
