use breaker_core::{CircuitBreakerError, circuit_breaker};
use futures_util::{Stream, stream};
use std::pin::Pin;

#[derive(Debug)]
struct Fault(String);

fn fault(rejection: CircuitBreakerError) -> Fault {
    Fault(rejection.to_string())
}

type Items<E> = Pin<Box<dyn Stream<Item = Result<u8, E>> + Send>>;

#[circuit_breaker(open = fault, stream(first_item = "20s"))]
async fn by_path() -> Result<Items<std::fmt::Error>, Fault> {
    Ok(Box::pin(stream::empty()))
}

#[circuit_breaker(open = |rejection| Fault(rejection.to_string()), stream(item_timeout = "20s"))]
fn by_closure() -> Result<Items<String>, Fault> {
    Ok(Box::pin(stream::empty()))
}

#[circuit_breaker(open = fault, stream(item_timeout = "20s"))]
async fn unboxed() -> Result<impl Stream<Item = Result<u8, String>>, Fault> {
    Ok(stream::empty())
}

#[circuit_breaker(open = |rejection| Fault(format!("{prompt}: {rejection}")), stream(item_timeout = "20s"))]
async fn capturing(prompt: &str) -> Result<Items<Fault>, Fault> {
    Ok(Box::pin(stream::empty()))
}

#[circuit_breaker(open = |rejection| rejection.to_string(), stream(item_timeout = "20s"))]
async fn of_another_type() -> Result<Items<Fault>, Fault> {
    Ok(Box::pin(stream::empty()))
}

fn main() {}
