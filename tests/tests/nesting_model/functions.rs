//! Functions: the same calls by attribute.

use crate::made::{Body, Items};
use crate::play::{Fault, Given};
use crate::tree::Judge;
use breaker_core::{Classify, Outcome, circuit_breaker};
use futures_util::Stream;
use std::pin::Pin;

impl Classify for Fault {
    fn classify(&self) -> Outcome {
        Judge::Itself.outcome(&Err(self.clone()))
    }
}

fn nothing(given: &Given) -> Outcome {
    Judge::Nothing.outcome(given)
}

#[circuit_breaker(name = "a", classify)]
pub(crate) async fn a(body: Body) -> Given {
    body.await
}

#[circuit_breaker(name = "b", classify)]
pub(crate) async fn b(body: Body) -> Given {
    body.await
}

#[circuit_breaker(name = "a", classify = nothing)]
pub(crate) async fn a_nothing(body: Body) -> Given {
    body.await
}

#[circuit_breaker(name = "b", classify = nothing)]
pub(crate) async fn b_nothing(body: Body) -> Given {
    body.await
}

#[circuit_breaker(name = "a", classify)]
pub(crate) fn a_sync(body: Box<dyn FnOnce() -> Given>) -> Given {
    body()
}

#[circuit_breaker(name = "b", classify)]
pub(crate) fn b_sync(body: Box<dyn FnOnce() -> Given>) -> Given {
    body()
}

type Streamed = Result<Pin<Box<dyn Stream<Item = Given>>>, Fault>;

#[circuit_breaker(name = "a", classify, stream)]
pub(crate) fn a_stream(items: Items) -> Streamed {
    Ok(Box::pin(items))
}

#[circuit_breaker(name = "b", classify, stream)]
pub(crate) fn b_stream(items: Items) -> Streamed {
    Ok(Box::pin(items))
}
