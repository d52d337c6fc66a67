//! The layer.

use crate::BoxError;
use crate::builder::CircuitBreakerLayerBuilder;
use crate::http_mode::{Http, Protocol};
use crate::key::NoKey;
use crate::mode::Plain;
use crate::service::CircuitBreakerService;
use crate::shared::Shared;
use crate::source::BreakerSource;
use breaker_core::CircuitBreaker;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Puts a circuit breaker before a service.
///
/// [`http`](Self::http), [`grpc`](Self::grpc) and [`new`](Self::new) begin one. Its services and
/// their clones share the breaker.
pub struct CircuitBreakerLayer<M = Http, E = BoxError, K = NoKey> {
    shared: Arc<Shared<M, E, K>>,
}

impl CircuitBreakerLayer<Http> {
    /// For HTTP clients: the status of a response counts, and its body is guarded. [`Http`] has the
    /// table.
    ///
    /// `breaker` is its name in [`Registry::global`], where it is made if there is none, or the
    /// breaker itself.
    ///
    /// [`Registry::global`]: breaker_core::Registry::global
    pub fn http(breaker: impl Into<BreakerSource>) -> CircuitBreakerLayerBuilder {
        CircuitBreakerLayerBuilder::of_protocol(breaker.into(), Protocol::Http)
    }

    /// For gRPC clients: the `grpc-status` of a response counts, in its head or in its trailers.
    /// [`Http`] has the table.
    ///
    /// With the feature `tonic` a rejection arrives as a `Status` with the code `Unavailable`, and
    /// a timeout as one with `DeadlineExceeded`. Its `source()` has the error of the breaker.
    pub fn grpc(breaker: impl Into<BreakerSource>) -> CircuitBreakerLayerBuilder {
        CircuitBreakerLayerBuilder::of_protocol(breaker.into(), Protocol::Grpc)
    }
}

impl CircuitBreakerLayer<Plain> {
    /// For any service: each response is a success, and is passed on as it is.
    /// [`classify_response`](CircuitBreakerLayerBuilder::classify_response) changes the former.
    #[expect(clippy::new_ret_no_self, reason = "`build` makes the layer")]
    pub fn new(breaker: impl Into<BreakerSource>) -> CircuitBreakerLayerBuilder<Plain> {
        CircuitBreakerLayerBuilder::plain(breaker.into())
    }
}

impl<M, E, K> CircuitBreakerLayer<M, E, K> {
    pub(crate) fn of(shared: Shared<M, E, K>) -> Self {
        Self { shared: Arc::new(shared) }
    }

    #[cfg(any(feature = "aws-sdk-1", feature = "reqwest-middleware-0-5", feature = "reqwest-middleware-0-4"))]
    pub(crate) fn shared(&self) -> &Arc<Shared<M, E, K>> {
        &self.shared
    }

    /// The breaker of its calls; with a key, the parent of their breakers.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.shared.breaker
    }
}

impl<S, M, E, K> Layer<S> for CircuitBreakerLayer<M, E, K> {
    type Service = CircuitBreakerService<S, M, E, K>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(inner, Arc::clone(&self.shared))
    }
}

impl<M, E, K> Clone for CircuitBreakerLayer<M, E, K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M, E, K> fmt::Debug for CircuitBreakerLayer<M, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer").field("breaker", &self.shared.breaker.name()).finish_non_exhaustive()
    }
}
