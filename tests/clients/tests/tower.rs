//! Tests tower's own services around a service that fails, hangs or is full.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "tower/poll_ready.rs"]
mod poll_ready;

use breaker_clients::{breaker, closes, opens, stays_closed};
use breaker_core::{CircuitBreaker, CircuitBreakerError, circuit_breaker, presets, testing};
use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::buffer::Buffer;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _, service_fn};

/// A service that answers, or hangs.
fn service(hangs: &Arc<AtomicBool>) -> impl Service<(), Response = (), Error = BoxError, Future: Send> + Clone + use<> {
    let hangs = hangs.clone();
    service_fn(move |()| {
        let hangs = hangs.load(Ordering::SeqCst);
        async move {
            if hangs {
                pending::<()>().await;
            }
            Ok(())
        }
    })
}

async fn call(breaker: &CircuitBreaker, service: impl Service<(), Response = (), Error = BoxError>) {
    let _ = breaker.call_classified(service.oneshot(()), presets::tower).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_that_is_over_opens_it() {
    let (hangs, breaker) = (Arc::new(AtomicBool::new(true)), breaker("tower", None));
    let limited = ServiceBuilder::new().timeout(Duration::from_secs(1)).service(service(&hangs));
    opens(&breaker, async || call(&breaker, limited.clone()).await).await;
    hangs.store(false, Ordering::SeqCst);
    closes(&breaker, async || call(&breaker, limited.clone()).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_this_side_leaves_it_closed() {
    let (hangs, breaker) = (Arc::new(AtomicBool::new(true)), breaker("tower", None));
    let shed = ServiceBuilder::new().load_shed().concurrency_limit(1).service(service(&hangs));
    let busy = tokio::spawn(shed.clone().oneshot(()));
    tokio::task::yield_now().await;
    stays_closed(&breaker, async || call(&breaker, shed.clone()).await).await;
    assert_eq!(breaker.snapshot().ignored_count, 1_000);
    busy.abort();
}

/// A service that has failed in `poll_ready`, once.
#[derive(Clone)]
struct Broken;

impl Service<()> for Broken {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Err("not ready".into()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffer_whose_service_failed_opens_it() {
    let breaker = breaker("tower", None);
    let buffered = ServiceBuilder::new().buffer(4).service(Broken);
    opens(&breaker, async || call(&breaker, buffered.clone()).await).await;
}

/// The caller has ended the task that drives it.
#[tokio::test(start_paused = true)]
async fn a_buffer_that_is_closed_is_ignored() {
    let (buffered, worker) = Buffer::pair(service(&Arc::default()), 4);
    drop(worker);
    let breaker = breaker("tower", None);
    stays_closed(&breaker, async || call(&breaker, buffered.clone()).await).await;
    assert_eq!(breaker.snapshot().ignored_count, 1_000);
}

/// A guarded service, as the preset's page describes it: ready, and rejecting in `call`.
#[derive(Clone)]
struct Guarded(CircuitBreaker);

impl Service<()> for Guarded {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(self.0.call_sync(|| Ok::<_, Infallible>(())).map_err(Into::into))
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_behind_a_buffer_is_ignored_and_goes_away() {
    let (inner, outer) = (breaker("inner", None), breaker("outer", None));
    let buffered = ServiceBuilder::new().buffer(4).service(Guarded(inner.clone()));
    inner.force_open();
    stays_closed(&outer, async || call(&outer, buffered.clone()).await).await;
    assert_eq!(outer.snapshot().ignored_count, 1_000);
    inner.clear_override();
    call(&outer, buffered).await;
    assert_eq!(outer.snapshot().success_count, 1);
}

#[derive(Debug, thiserror::Error)]
#[error("the search failed")]
struct SearchError(#[source] BoxError);

impl From<CircuitBreakerError> for SearchError {
    fn from(error: CircuitBreakerError) -> Self {
        Self(error.into())
    }
}

#[circuit_breaker(name = "tower_by_attribute", fail_max = 3, classify = presets::tower)]
async fn by_attribute(error: BoxError) -> Result<(), SearchError> {
    Err(SearchError(error))
}

#[circuit_breaker(name = "any_by_attribute", fail_max = 3, classify = presets::any)]
async fn by_any(error: BoxError) -> anyhow::Result<()> {
    Err(anyhow::Error::from_boxed(error).context("the search failed"))
}

#[tokio::test(start_paused = true)]
async fn an_own_error_and_anyhow_are_looked_into() {
    testing::isolated(async {
        for (name, by_any_of_them) in [("tower_by_attribute", false), ("any_by_attribute", true)] {
            let full = || tower::load_shed::error::Overloaded::new().into();
            let slow = || tower::timeout::error::Elapsed::new().into();
            for error in [full(), slow(), full()] {
                let _ = if by_any_of_them { by_any(error).await.is_ok() } else { by_attribute(error).await.is_ok() };
            }
            let seen = testing::breaker(name).snapshot();
            assert_eq!((seen.ignored_count, seen.failure_count), (2, 1), "{name}");
        }
    })
    .await;
}
