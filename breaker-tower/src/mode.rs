//! What a layer knows of the responses: nothing, what a closure says, or all of HTTP and gRPC.

use crate::BoxError;
use crate::shared::Admitted;
use breaker_core::{CircuitBreakerError, Outcome};
use std::fmt;
use std::sync::Arc;

/// What a layer knows of responses of this type: [`Plain`], [`Judged`] or
/// [`Http`](crate::Http).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not for responses of the type `{Res}`",
    label = "the inner service returns a `{Res}`",
    note = "`CircuitBreakerLayer::http` and `grpc` are for `http::Response`, and with the feature `reqwest` for `reqwest::Response`; `CircuitBreakerLayer::new` is for any response"
)]
pub trait Mode<Res>: sealed::Sealed {
    /// The response of the service with the breaker.
    type Response;

    #[doc(hidden)]
    fn settle<E, K>(permit: Admitted<Self, E, K>, response: Res) -> Self::Response
    where
        Self: Sized;

    #[doc(hidden)]
    fn fallback(&self, _rejection: &CircuitBreakerError) -> Option<Self::Response> {
        None
    }
}

/// Each response is a success, and is passed on as it is.
#[derive(Clone, Copy, Debug)]
pub struct Plain(());

impl Plain {
    pub(crate) const MODE: Self = Self(());
}

impl<Res> Mode<Res> for Plain {
    type Response = Res;

    #[inline(always)]
    fn settle<E, K>(permit: Admitted<Self, E, K>, response: Res) -> Res {
        permit.success();
        response
    }
}

/// A closure says what a response counts as. The response is passed on as it is.
/// [`classify_response`](crate::CircuitBreakerLayerBuilder::classify_response) sets it.
pub struct Judged<Res> {
    rule: Box<dyn Fn(&Res) -> Outcome + Send + Sync>,
}

impl<Res> Judged<Res> {
    pub(crate) fn new(rule: impl Fn(&Res) -> Outcome + Send + Sync + 'static) -> Self {
        Self { rule: Box::new(rule) }
    }
}

impl<Res> Mode<Res> for Judged<Res> {
    type Response = Res;

    fn settle<E, K>(mut permit: Admitted<Self, E, K>, response: Res) -> Res {
        let shared = Arc::clone(permit.owner());
        let outcome = permit.during_sync(|| (shared.mode.rule)(&response));
        permit.record(outcome);
        response
    }
}

impl<Res> fmt::Debug for Judged<Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judged")
    }
}

/// What a builder tells its mode.
pub trait Setup: sealed::Sealed {
    #[doc(hidden)]
    fn set_errors(&mut self, _: Box<dyn Fn(&BoxError) -> Outcome + Send + Sync>) {}
}

impl Setup for Plain {}
impl<Res> Setup for Judged<Res> {}

pub(crate) mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Plain {}
    impl<Res> Sealed for super::Judged<Res> {}
}
