use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::pin::Pin;
use futures_util::{Stream, stream};

fn is_last(word: &String) -> bool {
    word == "[DONE]"
}

#[circuit_breaker(stream(until = is_last))]
async fn words() -> Result<Pin<Box<dyn Stream<Item = Result<u8, CircuitBreakerError>> + Send>>, CircuitBreakerError> {
    Ok(Box::pin(stream::empty()))
}

fn main() {}
