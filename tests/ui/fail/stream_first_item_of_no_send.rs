use breaker_core::{CircuitBreakerError, circuit_breaker};
use std::pin::Pin;
use std::rc::Rc;
use futures_util::Stream;

#[circuit_breaker(stream(first_item = "10s"))]
async fn words() -> Result<Pin<Box<dyn Stream<Item = Result<Rc<u8>, CircuitBreakerError>> + Send>>, CircuitBreakerError> {
    unimplemented!()
}

fn main() {}
