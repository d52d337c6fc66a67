//! Functions: the same calls by attribute.

use crate::made::Body;
use crate::play::{Fault, Given};
use crate::tree::Judge;
use breaker_core::{Classify, Outcome, circuit_breaker};

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
