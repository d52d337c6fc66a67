use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::pin::Pin;
use futures_util::{Stream, stream};

type Words<T = u8> = Pin<Box<dyn Stream<Item = Result<T, CircuitBreakerError>> + Send>>;

#[circuit_breaker(stream(first = "20s", item_timeout = 10, until = "done"))]
async fn misspelt() -> Result<Words, CircuitBreakerError> {
    Ok(Box::pin(stream::empty()))
}

#[circuit_breaker(stream())]
async fn empty() -> Result<Words, CircuitBreakerError> {
    Ok(Box::pin(stream::empty()))
}

#[circuit_breaker(stream(until = is_last(3), first_item = "0s"))]
async fn called() -> Result<Words, CircuitBreakerError> {
    Ok(Box::pin(stream::empty()))
}

#[circuit_breaker(first_item = "20s", item_timeout = "10s", until = is_last)]
async fn outside() -> Result<Words, CircuitBreakerError> {
    Ok(Box::pin(stream::empty()))
}

fn main() {}
