use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::pin::Pin;
use futures_util::{Stream, stream};

struct Fault;

#[circuit_breaker(stream(item_timeout = "10s"))]
async fn words() -> Result<Pin<Box<dyn Stream<Item = Result<u8, Fault>> + Send>>, CircuitBreakerError> {
    Ok(Box::pin(stream::empty()))
}

fn main() {}
