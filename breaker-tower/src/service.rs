//! The service: it asks the breaker, calls the inner service, and judges what that returns.

use crate::BoxError;
use crate::future::{Call, ResponseFuture};
use crate::http_mode::Http;
use crate::key::{KeyOf, NoKey};
use crate::mode::Mode;
use crate::shared::Shared;
use breaker_core::{CircuitBreaker, CircuitBreakerError, OwnedPermit};
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose calls go through a circuit breaker. [`CircuitBreakerLayer`] creates it.
///
/// - `S` is the inner service. It is cloned where a reservation is given back, and where a call
///   waits in its future.
/// - `M` says what is known of the response, `E` is the error, and `K` the key.
///
/// # Readiness
///
/// `poll_ready` is ready without asking the inner service while the breaker would reject, and
/// stays so until `call`. A rejection in `poll_ready` would stay in a `Buffer` forever, would drop
/// the endpoint of a `Balance`, and no `Retry` would see it. A caller that waits in `poll_ready`
/// while the breaker opens is woken, and its `call` is rejected.
///
/// Readiness is a hint. `call` asks the breaker, and may reject. A rejected call drops the inner
/// service with what it has reserved, and keeps a clone. If the breaker admits a call whose inner
/// service is not ready, the call waits for it in its future, and a clone stays.
///
/// With a key, the request decides which breaker is asked. So `poll_ready` is always ready then,
/// and the inner service is waited for in the future of the call.
///
/// # Cancellation
/// A response future that is dropped is a dropped call: it counts as `on_cancel` says. A `ready()`
/// that is given up holds nothing of the breaker.
///
/// [`CircuitBreakerLayer`]: crate::CircuitBreakerLayer
pub struct CircuitBreakerService<S, M = Http, E = BoxError, K = NoKey> {
    inner: S,
    shared: Arc<Shared<M, E, K>>,
    readiness: Readiness,
    /// The inner service was asked whether it is ready: it may have reserved something, or may
    /// wait for its turn.
    asked: bool,
    /// Wakes the caller that waits for the inner service when the breaker opens.
    opens: Option<Opens>,
    /// An error of the inner service's `poll_ready` has been counted.
    failed: bool,
}

type Opens = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// What `poll_ready` has promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// Nothing.
    Unknown,
    /// The inner service is ready.
    Inner,
    /// The breaker was about to reject.
    Rejects,
}

impl<S, M, E, K> CircuitBreakerService<S, M, E, K> {
    pub(crate) fn new(inner: S, shared: Arc<Shared<M, E, K>>) -> Self {
        Self { inner, shared, readiness: Readiness::Unknown, asked: false, opens: None, failed: false }
    }

    /// The breaker of its calls; with a key, the parent of their breakers.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.shared.breaker
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls of it go past the breaker.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the breaker.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Waits until the breaker opens, beside the inner service. The call is rejected then.
    #[cold]
    fn poll_opens(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let breaker = &self.shared.breaker;
        let opens = self.opens.get_or_insert_with(|| {
            let breaker = breaker.clone();
            Box::pin(async move { breaker.unready().await })
        });
        if opens.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.opens = None;
        self.readiness = Readiness::Rejects;
        Poll::Ready(())
    }

    /// Counts the first error of the inner service's `poll_ready`, and returns the error.
    #[cold]
    fn fail(&mut self, error: E) -> E {
        self.opens = None;
        if mem::replace(&mut self.failed, true) { error } else { self.shared.count_unready(error) }
    }

    /// The inner service with what it has reserved. Its clone, which has reserved nothing, stays.
    fn take_inner(&mut self) -> S
    where
        S: Clone,
    {
        self.asked = false;
        let fresh = self.inner.clone();
        mem::replace(&mut self.inner, fresh)
    }
}

impl<S, M, E, K, Req> Service<Req> for CircuitBreakerService<S, M, E, K>
where
    S: Service<Req> + Clone,
    S::Error: Into<E>,
    M: Mode<S::Response>,
    K: KeyOf<Req>,
{
    type Response = M::Response;
    type Error = E;
    type Future = ResponseFuture<S, Req, M, E, K>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        if K::IS_GIVEN || self.readiness == Readiness::Rejects {
            return Poll::Ready(Ok(()));
        }
        if !self.shared.breaker.is_ready() {
            // What the inner service has reserved, `call` gives back.
            if self.readiness == Readiness::Unknown {
                self.readiness = Readiness::Rejects;
            }
            self.opens = None;
            return Poll::Ready(Ok(()));
        }
        self.asked = true;
        match self.inner.poll_ready(context) {
            Poll::Ready(Ok(())) => {
                self.readiness = Readiness::Inner;
                if self.opens.is_some() {
                    self.opens = None;
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.fail(error.into()))),
            Poll::Pending => self.poll_opens(context).map(Ok),
        }
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let is_ready = mem::replace(&mut self.readiness, Readiness::Unknown) == Readiness::Inner;
        match self.shared.admit(&request) {
            Ok(permit) => self.start(permit, request, is_ready),
            Err(rejection) => {
                if self.asked {
                    drop(self.take_inner());
                }
                self.reject(rejection)
            }
        }
    }
}

impl<S, M, E, K> CircuitBreakerService<S, M, E, K> {
    #[inline]
    fn start<Req>(
        &mut self,
        mut permit: OwnedPermit<Shared<M, E, K>>,
        request: Req,
        is_ready: bool,
    ) -> ResponseFuture<S, Req, M, E, K>
    where
        S: Service<Req> + Clone,
        M: Mode<S::Response>,
    {
        let call = if is_ready {
            self.asked = false;
            let inner = &mut self.inner;
            Call::Running { future: permit.during_sync(|| inner.call(request)) }
        } else {
            Call::Waiting { inner: self.take_inner(), request: Some(request) }
        };
        ResponseFuture::running(permit.during(call))
    }

    #[cold]
    fn reject<Req>(&self, rejection: CircuitBreakerError) -> ResponseFuture<S, Req, M, E, K>
    where
        S: Service<Req>,
        M: Mode<S::Response>,
    {
        ResponseFuture::ended(self.shared.answer(rejection))
    }
}

impl<S: Clone, M, E, K> Clone for CircuitBreakerService<S, M, E, K> {
    /// The clone shares the breaker. What the inner service has reserved stays with this one.
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.shared))
    }
}

impl<S: fmt::Debug, M, E, K> fmt::Debug for CircuitBreakerService<S, M, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerService")
            .field("inner", &self.inner)
            .field("breaker", &self.shared.breaker.name())
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}
