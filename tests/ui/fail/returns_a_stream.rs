use breaker_core::circuit_breaker;
use futures_util::Stream;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::pin::Pin;

#[circuit_breaker(stream)]
fn unnamed() -> impl Stream<Item = Result<u8, std::io::Error>> {
    stream::empty()
}

#[circuit_breaker]
fn boxed<'a>() -> BoxStream<'a, Result<u8, std::io::Error>> {
    stream::empty().boxed()
}

#[circuit_breaker]
async fn pinned() -> Pin<Box<dyn Stream<Item = Result<u8, std::io::Error>> + Send>> {
    Box::pin(stream::empty())
}

fn main() {}
