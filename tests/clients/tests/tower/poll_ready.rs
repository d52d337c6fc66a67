//! Tests what tower's services do with a service that fails or waits in `poll_ready`.
//!
//! It shows why a guarded service rejects in `call`.

use super::*;
use breaker_core::CallError;
use std::sync::atomic::AtomicUsize;
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::Constant;
use tower::retry::{Policy, Retry};

/// A service with its breaker in the wrong place.
#[derive(Clone)]
struct Rejects(CircuitBreaker);

impl Service<()> for Rejects {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(self.0.try_acquire().map(drop).map_err(Into::into))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffer_remembers_a_rejection_forever() {
    let (inner, outer) = (breaker("inner", None), breaker("outer", None));
    let buffered = ServiceBuilder::new().buffer(4).service(Rejects(inner.clone()));
    inner.force_open();
    call(&outer, buffered.clone()).await;
    inner.clear_override();
    for _ in 0..3 {
        call(&outer, buffered.clone()).await;
    }
    assert_eq!((outer.snapshot().ignored_count, outer.snapshot().success_count), (4, 0));
}

/// The call has begun: tower's limit does not cover this wait, and the breaker's does.
#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_cover_the_wait_for_a_place() {
    let (hangs, breaker) = (Arc::new(AtomicBool::new(true)), breaker("tower", Some(Duration::from_secs(5))));
    let limited = ServiceBuilder::new().timeout(Duration::from_secs(1)).concurrency_limit(1).service(service(&hangs));
    let mut holds = limited.clone();
    let busy = holds.ready().await.unwrap();
    let ended = breaker.call_classified(limited.clone().oneshot(()), presets::tower).await;
    assert!(matches!(ended, Err(CallError::Rejected(error)) if error.is_timeout()));
    let _ = busy;
}

/// It drops a service that fails in `poll_ready`, and waits for others.
#[tokio::test(start_paused = true)]
async fn a_balance_drops_a_service_that_rejects() {
    let (inner, outer) = (breaker("inner", None), breaker("outer", Some(Duration::from_secs(1))));
    let mut rejecting = balance(Rejects(inner.clone()));
    let mut guarded = balance(Guarded(inner.clone()));
    inner.force_open();
    for _ in 0..2 {
        through(&outer, &mut rejecting).await;
        through(&outer, &mut guarded).await;
    }
    assert_eq!((outer.snapshot().failure_count, outer.snapshot().ignored_count), (2, 2));
    inner.clear_override();
    through(&outer, &mut rejecting).await;
    assert_eq!(outer.snapshot().failure_count, 3, "it is gone");
    outer.reset();
    through(&outer, &mut guarded).await;
    assert_eq!(outer.snapshot().success_count, 1);
}

type Balanced<S> = Balance<ServiceList<Vec<Constant<S, u32>>>, ()>;

fn balance<S: Service<(), Error = BoxError>>(service: S) -> Balanced<S> {
    Balance::new(ServiceList::new(vec![Constant::new(service, 1)]))
}

async fn through<S>(breaker: &CircuitBreaker, service: &mut Balanced<S>)
where
    S: Service<(), Response = (), Error = BoxError>,
{
    let asked = async { service.ready().await?.call(()).await };
    let _: Result<(), CallError<BoxError>> = breaker.call_classified(asked, presets::tower).await;
}

/// Retries, and counts its attempts.
#[derive(Clone, Default)]
struct Again(Arc<AtomicUsize>);

impl Policy<(), (), BoxError> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, (): &mut (), result: &mut Result<(), BoxError>) -> Option<Ready<()>> {
        let asked = self.0.fetch_add(1, Ordering::SeqCst);
        (result.is_err() && asked < 2).then(|| ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_not_asked_about_a_rejection_in_poll_ready() {
    let (inner, outer) = (breaker("inner", None), breaker("outer", None));
    inner.force_open();
    let (in_ready, in_call) = (Again::default(), Again::default());
    call(&outer, Retry::new(in_ready.clone(), Rejects(inner.clone()))).await;
    call(&outer, Retry::new(in_call.clone(), Guarded(inner))).await;
    assert_eq!((in_ready.0.load(Ordering::SeqCst), in_call.0.load(Ordering::SeqCst)), (0, 3));
    assert_eq!(outer.snapshot().ignored_count, 2);
}
