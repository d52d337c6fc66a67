//! The contract of `tower::Service`: readiness, reservations, clones, and tower's own services
//! above and below.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, State};
use breaker_tower::{BoxError, CircuitBreakerLayer, CircuitBreakerService, Plain};
use std::future::{self, Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep, timeout};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::retry::{Policy, Retry};
use tower::spawn_ready::SpawnReady;
use tower::{Layer, Service, ServiceExt};

type Guarded<S> = CircuitBreakerService<S, Plain>;

/// A dependency that checks the contract of its caller: it may be called only when it is ready.
#[derive(Debug)]
struct Dependency {
    shared: Arc<Shared>,
    ready: bool,
}

#[derive(Debug, Default)]
struct Shared {
    /// `poll_ready` waits.
    busy: AtomicBool,
    /// `poll_ready` fails.
    broken: AtomicBool,
    polls: AtomicU32,
    calls: AtomicU32,
    wakers: Mutex<Vec<Waker>>,
}

impl Shared {
    fn is_free(&self) {
        self.busy.store(false, Relaxed);
        self.wakers.lock().unwrap().drain(..).for_each(Waker::wake);
    }
}

impl Dependency {
    fn new() -> (Self, Arc<Shared>) {
        let shared = Arc::<Shared>::default();
        (Self { shared: Arc::clone(&shared), ready: false }, shared)
    }
}

impl Clone for Dependency {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ready: false }
    }
}

impl Service<Duration> for Dependency {
    type Response = Instant;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Instant, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.shared.polls.fetch_add(1, Relaxed);
        if self.shared.broken.load(Relaxed) {
            return Poll::Ready(Err("the connection is gone".into()));
        }
        if self.shared.busy.load(Relaxed) {
            self.shared.wakers.lock().unwrap().push(context.waker().clone());
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    /// The answer comes after the time of the request; zero is an error.
    fn call(&mut self, request: Duration) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "it was called without being ready");
        self.shared.calls.fetch_add(1, Relaxed);
        Box::pin(async move {
            if request.is_zero() {
                return Err("it does not answer".into());
            }
            sleep(request).await;
            Ok(Instant::now())
        })
    }
}

const SECOND: Duration = Duration::from_secs(1);
const FAILS: Duration = Duration::ZERO;

fn breaker(config: Config) -> CircuitBreaker {
    CircuitBreaker::new("service", config).unwrap()
}

fn layer(breaker: &CircuitBreaker) -> CircuitBreakerLayer<Plain> {
    CircuitBreakerLayer::new(breaker).build().unwrap()
}

fn guarded() -> (Guarded<Dependency>, CircuitBreaker, Arc<Shared>) {
    let (dependency, shared) = Dependency::new();
    let breaker = breaker(Config::new());
    (layer(&breaker).layer(dependency), breaker, shared)
}

fn is_rejection(error: &BoxError) -> bool {
    CircuitBreakerError::find(&**error).is_some_and(CircuitBreakerError::is_rejection)
}

/// One poll of `poll_ready`.
async fn poll_ready<S: Service<Duration>>(service: &mut S) -> Poll<Result<(), S::Error>> {
    poll_fn(|context| Poll::Ready(service.poll_ready(context))).await
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_ready_without_asking_the_service_and_rejects_the_call() {
    let (mut service, breaker, shared) = guarded();
    shared.busy.store(true, Relaxed);
    breaker.force_open();
    assert!(matches!(poll_ready(&mut service).await, Poll::Ready(Ok(()))));
    assert_eq!(shared.polls.load(Relaxed), 0);
    // It stays ready until the call, whatever the breaker does.
    breaker.clear_override();
    assert!(matches!(poll_ready(&mut service).await, Poll::Ready(Ok(()))));
    breaker.force_open();
    assert!(is_rejection(&service.call(SECOND).await.unwrap_err()));
    assert_eq!((shared.polls.load(Relaxed), shared.calls.load(Relaxed)), (0, 0));
    assert_eq!(breaker.snapshot().rejected_count, 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_service_is_woken_when_the_breaker_opens() {
    let (mut service, breaker, shared) = guarded();
    shared.busy.store(true, Relaxed);
    let waiting = tokio::spawn(async move { service.ready().await.unwrap().call(SECOND).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    breaker.trip();
    assert!(is_rejection(&waiting.await.unwrap().unwrap_err()));
    assert_eq!(shared.calls.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_gives_back_what_the_service_has_reserved() {
    let (dependency, shared) = Dependency::new();
    let breaker = breaker(Config::new());
    let limited = ConcurrencyLimit::new(dependency, 1);
    let mut service = layer(&breaker).layer(limited.clone());
    let mut other = limited;
    service.ready().await.unwrap();
    assert!(poll_ready(&mut other).await.is_pending(), "the reservation is taken");
    breaker.force_open();
    assert!(is_rejection(&service.call(SECOND).await.unwrap_err()));
    assert!(poll_ready(&mut other).await.is_ready());
    assert_eq!(shared.calls.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_gives_up_its_place_in_the_queue() {
    let (dependency, _) = Dependency::new();
    let breaker = breaker(Config::new());
    let mut limited = ConcurrencyLimit::new(dependency, 1);
    let mut service = layer(&breaker).layer(limited.clone());
    let mut other = limited.clone();
    let running = limited.ready().await.unwrap().call(SECOND);
    assert!(poll_ready(&mut service).await.is_pending(), "the only place is taken");
    breaker.force_open();
    service.ready().await.unwrap();
    assert!(is_rejection(&service.call(SECOND).await.unwrap_err()));
    running.await.unwrap();
    assert!(poll_ready(&mut other).await.is_ready(), "nobody is before it");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_admitted_after_all_keeps_its_place_in_the_queue() {
    let (dependency, _) = Dependency::new();
    let breaker = breaker(Config::new());
    let mut limited = ConcurrencyLimit::new(dependency, 1);
    let mut service = layer(&breaker).layer(limited.clone());
    let running = limited.ready().await.unwrap().call(SECOND);
    assert!(poll_ready(&mut service).await.is_pending());
    breaker.force_open();
    service.ready().await.unwrap();
    breaker.clear_override();
    let call = service.call(SECOND);
    running.await.unwrap();
    timeout(2 * SECOND, call).await.expect("it does not wait behind itself").unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_admitted_call_waits_in_its_future_for_a_service_that_is_not_ready() {
    let (mut service, breaker, shared) = guarded();
    breaker.force_open();
    service.ready().await.unwrap();
    breaker.clear_override();
    shared.busy.store(true, Relaxed);
    let call = service.call(SECOND);
    let call = tokio::spawn(call);
    tokio::task::yield_now().await;
    assert_eq!(shared.calls.load(Relaxed), 0);
    shared.is_free();
    call.await.unwrap().unwrap();
    assert_eq!((shared.calls.load(Relaxed), breaker.snapshot().success_count), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_ready_waits_too() {
    let (dependency, _) = Dependency::new();
    let breaker = breaker(Config::new());
    let mut service = layer(&breaker).layer(ConcurrencyLimit::new(dependency, 1));
    let first = tokio::spawn(service.call(SECOND));
    let second = tokio::spawn(service.call(SECOND));
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(second - first, SECOND);
    assert_eq!(breaker.snapshot().success_count, 2);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_runs_from_the_call_and_covers_the_wait_in_it() {
    let (dependency, shared) = Dependency::new();
    let breaker = breaker(Config::new().timeout(2 * SECOND));
    let mut service = layer(&breaker).layer(dependency);
    shared.busy.store(true, Relaxed);
    let start = Instant::now();
    let error = service.call(SECOND).await.unwrap_err();
    assert!(CircuitBreakerError::find(&*error).unwrap().is_timeout());
    assert_eq!(start.elapsed(), 2 * SECOND);
    assert_eq!(breaker.snapshot().failure_count, 1);
    // The wait in `ready` is not a part of the call.
    let mut waiting = service.clone();
    let waiting = tokio::spawn(async move { waiting.ready().await.unwrap().call(SECOND).await });
    sleep(5 * SECOND).await;
    shared.is_free();
    waiting.await.unwrap().unwrap();
    assert_eq!(breaker.snapshot().success_count, 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_poll_ready_counts_once_for_each_service() {
    let (mut service, breaker, shared) = guarded();
    shared.broken.store(true, Relaxed);
    for _ in 0..3 {
        assert_eq!(service.ready().await.unwrap_err().to_string(), "the connection is gone");
    }
    let counted = breaker.snapshot();
    assert_eq!(
        (counted.failure_count, counted.last_error.unwrap().message.unwrap()),
        (1, "the connection is gone".into())
    );
    service.clone().ready().await.unwrap_err();
    assert_eq!(breaker.snapshot().failure_count, 2);
    // In the future of a call it is the error of that call.
    service.call(SECOND).await.unwrap_err();
    assert_eq!(breaker.snapshot().failure_count, 3);
}

#[tokio::test(start_paused = true)]
async fn a_ready_that_is_given_up_and_a_dropped_future_hold_no_probe() {
    let (mut service, breaker, shared) = guarded();
    breaker.half_open();
    shared.busy.store(true, Relaxed);
    assert!(timeout(SECOND, service.ready()).await.is_err());
    shared.is_free();
    service.ready().await.unwrap();
    // The second one holds the only probe; the first one holds none.
    let mut second = service.clone();
    let probe = second.ready().await.unwrap().call(SECOND);
    assert!(is_rejection(&service.call(SECOND).await.unwrap_err()));
    drop(probe);
    assert_eq!(breaker.snapshot().cancelled_count, 1);
    service.ready().await.unwrap().call(SECOND).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_service_is_a_failure() {
    let breaker = breaker(Config::new());
    let mut in_call = layer(&breaker)
        .layer(tower::service_fn(|_: Duration| -> future::Ready<Result<(), BoxError>> { panic!("on purpose") }));
    let mut in_future = layer(&breaker).layer(tower::service_fn(|_: Duration| async {
        if true {
            panic!("on purpose")
        }
        Ok::<_, BoxError>(())
    }));
    let calls = tokio::spawn(async move { in_call.ready().await.unwrap().call(SECOND).await });
    assert!(calls.await.unwrap_err().is_panic());
    let calls = tokio::spawn(async move { in_future.ready().await.unwrap().call(SECOND).await });
    assert!(calls.await.unwrap_err().is_panic());
    assert_eq!(breaker.snapshot().failure_count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_above_recovers_with_the_breaker() {
    let (service, breaker, shared) = guarded();
    let mut buffer = Buffer::new(service, 4);
    breaker.force_open();
    for _ in 0..3 {
        assert!(is_rejection(&buffer.ready().await.unwrap().call(SECOND).await.unwrap_err()));
    }
    breaker.clear_override();
    buffer.ready().await.unwrap().call(SECOND).await.unwrap();
    assert_eq!(shared.calls.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_below_gets_back_its_slot() {
    let (dependency, _) = Dependency::new();
    let breaker = breaker(Config::new());
    let buffer = Buffer::new(dependency, 1);
    let mut service = layer(&breaker).layer(buffer.clone());
    for _ in 0..3 {
        service.ready().await.unwrap();
        breaker.force_open();
        assert!(is_rejection(&service.call(SECOND).await.unwrap_err()));
        breaker.clear_override();
    }
    timeout(SECOND, buffer.clone().ready()).await.expect("no slot is lost").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_balance_above_keeps_its_endpoint() {
    let (service, breaker, _) = guarded();
    let load = tower::load::Constant::new(service, 1);
    let mut balance = tower::balance::p2c::Balance::new(tower::discover::ServiceList::new([load]));
    breaker.force_open();
    assert!(is_rejection(&balance.ready().await.unwrap().call(SECOND).await.unwrap_err()));
    breaker.clear_override();
    timeout(5 * SECOND, async { balance.ready().await.unwrap().call(SECOND).await }).await.unwrap().unwrap();
}

/// Retries twice, and notes the errors that it is shown.
#[derive(Clone, Default)]
struct Twice {
    left: u32,
    seen: Arc<Mutex<Vec<bool>>>,
}

impl Policy<Duration, Instant, BoxError> for Twice {
    type Future = future::Ready<()>;

    fn retry(&mut self, _: &mut Duration, result: &mut Result<Instant, BoxError>) -> Option<Self::Future> {
        let error = result.as_ref().err()?;
        self.seen.lock().unwrap().push(is_rejection(error));
        self.left = self.left.checked_sub(1)?;
        Some(future::ready(()))
    }

    fn clone_request(&mut self, request: &Duration) -> Option<Duration> {
        Some(*request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_above_is_shown_rejections() {
    let (dependency, shared) = Dependency::new();
    let breaker = breaker(Config::new().fail_max(2));
    let policy = Twice { left: 2, ..Twice::default() };
    let seen = Arc::clone(&policy.seen);
    let mut retry = Retry::new(policy, layer(&breaker).layer(dependency));
    assert!(is_rejection(&retry.ready().await.unwrap().call(FAILS).await.unwrap_err()));
    assert_eq!(*seen.lock().unwrap(), [false, false, true]);
    assert_eq!((shared.calls.load(Relaxed), breaker.snapshot().rejected_count), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn load_shed_spawn_ready_and_timeout_above() {
    let (service, breaker, shared) = guarded();
    let mut shed = LoadShed::new(service.clone());
    let mut spawned = SpawnReady::new(service.clone());
    let mut limited = tower::timeout::Timeout::new(service, SECOND / 2);

    shared.busy.store(true, Relaxed);
    let overloaded = shed.ready().await.unwrap().call(SECOND).await.unwrap_err();
    assert!(overloaded.is::<tower::load_shed::error::Overloaded>());
    assert_eq!(breaker.snapshot().failure_count, 0, "the call never began");
    breaker.force_open();
    assert!(is_rejection(&shed.ready().await.unwrap().call(SECOND).await.unwrap_err()));
    assert!(is_rejection(&spawned.ready().await.unwrap().call(SECOND).await.unwrap_err()));
    breaker.clear_override();
    shared.is_free();

    spawned.ready().await.unwrap().call(SECOND).await.unwrap();
    shed.ready().await.unwrap().call(SECOND).await.unwrap();
    // The layer above drops the call.
    limited.ready().await.unwrap().call(SECOND).await.unwrap_err();
    assert_eq!(breaker.snapshot().cancelled_count, 1);
}

#[tokio::test(start_paused = true)]
async fn load_shed_and_timeout_below() {
    let breaker = breaker(Config::new());
    let (dependency, shared) = Dependency::new();
    let mut shed = layer(&breaker).layer(LoadShed::new(dependency.clone()));
    shared.busy.store(true, Relaxed);
    shed.ready().await.unwrap().call(SECOND).await.unwrap_err();
    shared.is_free();
    let mut limited = layer(&breaker).layer(tower::timeout::Timeout::new(dependency, SECOND / 2));
    limited.ready().await.unwrap().call(SECOND).await.unwrap_err();
    assert_eq!(breaker.snapshot().failure_count, 2);
}

#[tokio::test(start_paused = true)]
async fn with_a_key_it_is_always_ready_and_each_key_has_its_breaker() {
    let (dependency, shared) = Dependency::new();
    let parent = breaker(Config::new().fail_max(1));
    let layer = CircuitBreakerLayer::new(&parent)
        .key(|request: &Duration| (!request.is_zero()).then(|| format!("{}", request.as_secs())))
        .build()
        .unwrap();
    let mut service = layer.layer(ConcurrencyLimit::new(dependency, 1));
    shared.busy.store(true, Relaxed);
    service.ready().await.unwrap();
    shared.is_free();
    service.call(SECOND).await.unwrap();
    let keyed = parent.for_key("1").unwrap();
    assert_eq!(keyed.snapshot().success_count, 1);
    keyed.force_open();
    assert!(is_rejection(&service.ready().await.unwrap().call(SECOND).await.unwrap_err()));
    service.ready().await.unwrap().call(2 * SECOND).await.unwrap();
    // Without a key, the parent.
    service.ready().await.unwrap().call(FAILS).await.unwrap_err();
    assert_eq!(parent.state(), State::Open);
    assert!(is_rejection(&service.ready().await.unwrap().call(2 * SECOND).await.unwrap_err()));
    advance(31 * SECOND).await;
    assert!(service.clone().ready().await.is_ok());
}
