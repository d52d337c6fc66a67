//! `#[fallback]`: steps of every kind, chains, and what is reported of them.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::needless_pass_by_value, reason = "steps take what the function takes")]

mod common;

use breaker_core::{CircuitBreaker, CircuitBreakerError, FallbackContext, Registry, State, circuit_breaker, fallback};
use common::secs;
use std::future::pending;
use std::sync::Mutex;

#[derive(Debug, PartialEq, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Open(String),
    #[error("upstream")]
    Upstream,
    #[error("empty question")]
    Empty,
    #[error("the cache is gone")]
    Cache,
}

impl From<CircuitBreakerError> for AskError {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error.to_string())
    }
}

fn opened(name: &str) -> CircuitBreaker {
    let breaker = Registry::global().get(name).unwrap();
    breaker.force_open();
    breaker
}

#[derive(Default)]
struct Service {
    cached: Option<String>,
    log: Mutex<Vec<String>>,
}

impl Service {
    #[circuit_breaker(name = "chain", fail_max = 1)]
    #[fallback(l1_cache = Self::cached_answer, Self::excerpts)]
    async fn ask(&self, question: &str, owned: String) -> Result<String, AskError> {
        self.log.lock().unwrap().push(format!("{question} {owned}"));
        Err(AskError::Upstream)
    }

    async fn cached_answer(&self, question: &str, owned: String) -> Option<String> {
        self.cached.as_ref().map(|cached| format!("{cached} to {question} with {owned}"))
    }

    fn excerpts(&self, question: &str, owned: String) -> Result<Option<String>, AskError> {
        match question {
            "broken" => Err(AskError::Cache),
            "unknown" => Ok(None),
            _ => Ok(Some(format!("excerpts for {question} with {owned}"))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn steps_are_tried_in_order_with_the_functions_own_arguments() {
    let breaker = Registry::global().get("chain").unwrap();
    let mut service = Service::default();
    let owned = || "tea".to_owned();
    assert_eq!(service.ask("why", owned()).await, Err(AskError::Upstream), "the tripping call has its own error");
    assert_eq!(breaker.state(), State::Open);
    let mut events = breaker.subscribe();
    assert_eq!(service.ask("why", owned()).await.unwrap(), "excerpts for why with tea");
    assert_eq!(service.ask("broken", owned()).await, Err(AskError::Cache), "an Err ends the chain");
    let declined = service.ask("unknown", owned()).await.unwrap_err();
    assert_eq!(declined, AskError::Open("circuit breaker `chain` is open; retry in 30.0s".to_owned()));
    service.cached = Some("because".to_owned());
    assert_eq!(service.ask("why", owned()).await.unwrap(), "because to why with tea");
    assert_eq!(*service.log.lock().unwrap(), ["why tea"], "the body ran once");
    let mut served = Vec::new();
    while let Some(event) = events.try_recv() {
        if let breaker_core::Event::Fallback { source, reason, function, .. } = event {
            served.push((source, reason, function));
        }
    }
    let function = Some("fallback::Service::ask");
    assert_eq!(
        served,
        [("excerpts", "circuit_breaker_open", function), ("l1_cache", "circuit_breaker_open", function)]
    );
}

#[fallback(|rejection| Ok(format!("{} {} {}", rejection.breaker(), rejection.state(), rejection.reason())))]
#[circuit_breaker(name = "above")]
async fn above() -> Result<String, AskError> {
    Ok("live".to_owned())
}

#[circuit_breaker(name = "below")]
#[fallback(|rejection| {
    tokio::task::yield_now().await;
    Some(format!("{extra} {:?}", rejection.metadata("mine").fallback_source))
})]
async fn below(extra: &str) -> Result<String, AskError> {
    Ok("live".to_owned())
}

#[tokio::test(start_paused = true)]
async fn fallback_stands_above_or_below_and_a_closure_sees_the_rejection_and_may_await() {
    assert_eq!(above().await.unwrap(), "live");
    opened("above");
    assert_eq!(above().await.unwrap(), "above forced_open circuit_breaker_open");
    opened("below");
    assert_eq!(below("more").await.unwrap(), "more \"mine\"");
}

fn own(rejection: &FallbackContext<'_>) -> Option<u8> {
    rejection.error()?.downcast_ref::<CircuitBreakerError>()?.retry_after().map(|after| after.as_secs() as u8)
}

#[circuit_breaker(name = "sync", fail_max = 1, recovery_timeout = "77s")]
#[fallback(|rejection| own(rejection), value(9))]
fn sync(fails: bool) -> Result<u8, AskError> {
    if fails { Err(AskError::Upstream) } else { Ok(1) }
}

#[tokio::test(start_paused = true)]
async fn a_sync_function_falls_back_too_and_value_always_answers() {
    assert_eq!(sync(false), Ok(1));
    sync(true).unwrap_err();
    assert_eq!(sync(false), Ok(77));
    opened("sync");
    assert_eq!(sync(false), Ok(9), "forced open has no retry_after, so the closure declines");
}

#[circuit_breaker(name = "on_failure", fail_max = 100, timeout = "5s", exclude(AskError::Empty))]
#[fallback(spare, on(failure))]
async fn on_failure(question: String, hangs: bool) -> Result<String, AskError> {
    match question.as_str() {
        "" => Err(AskError::Empty),
        "fine" => Ok("live".to_owned()),
        _ if hangs => pending().await,
        _ => Err(AskError::Upstream),
    }
}

fn spare(question: String, _: bool) -> Option<String> {
    (question != "hopeless").then(|| format!("spare {question}"))
}

#[circuit_breaker(name = "on_timeout", fail_max = 100, timeout = "5s")]
#[fallback(|rejection| Some(rejection.reason().to_owned()), on(timeout))]
async fn on_timeout(hangs: bool) -> Result<String, AskError> {
    if hangs { pending().await } else { Err(AskError::Upstream) }
}

#[tokio::test(start_paused = true)]
async fn on_says_which_endings_fall_back_and_an_ignored_error_never_does() {
    let ask = |question: &str, hangs| on_failure(question.to_owned(), hangs);
    assert_eq!(ask("fine", false).await.unwrap(), "live");
    assert_eq!(ask("why", false).await.unwrap(), "spare why");
    assert_eq!(ask("why", true).await.unwrap(), "spare why", "a time-out is a counted failure");
    assert_eq!(ask("", false).await, Err(AskError::Empty));
    assert_eq!(ask("hopeless", false).await, Err(AskError::Upstream), "its own error when every step declines");
    opened("on_failure");
    assert!(matches!(ask("why", false).await, Err(AskError::Open(_))), "`open` is not in on(..)");

    let started = tokio::time::Instant::now();
    assert_eq!(on_timeout(true).await.unwrap(), "timeout");
    assert_eq!(started.elapsed(), secs(5));
    assert_eq!(on_timeout(false).await, Err(AskError::Upstream));
}

/// Not `Clone`.
struct Ticket(u8);

#[circuit_breaker(name = "moved")]
#[fallback(keep)]
async fn moved(ticket: Ticket, (left, right): (u8, u8)) -> Result<u8, AskError> {
    Ok(ticket.0 + left + right)
}

fn keep(ticket: Ticket, (left, right): (u8, u8)) -> Option<u8> {
    Some(ticket.0 * left * right)
}

#[tokio::test(start_paused = true)]
async fn owned_arguments_are_moved_to_the_only_step_that_needs_them() {
    assert_eq!(moved(Ticket(1), (2, 3)).await, Ok(6));
    opened("moved");
    assert_eq!(moved(Ticket(4), (5, 6)).await, Ok(120));
}

#[derive(Default)]
struct Counter {
    copies: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        self.copies.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { copies: self.copies.clone() }
    }
}

#[circuit_breaker(name = "copies")]
#[fallback(decline, decline, decline)]
async fn copies(counter: Counter) -> Result<usize, AskError> {
    drop(counter);
    Ok(0)
}

fn decline(_: Counter) -> Option<usize> {
    None
}

#[tokio::test(start_paused = true)]
async fn arguments_are_cloned_only_for_the_fallbacks_never_on_the_way_to_the_body() {
    let counter = Counter::default();
    let copies_made = counter.copies.clone();
    copies(counter).await.unwrap();
    assert_eq!(copies_made.load(std::sync::atomic::Ordering::Relaxed), 0);
    opened("copies");
    let counter = Counter { copies: copies_made.clone() };
    assert!(copies(counter).await.is_err());
    assert_eq!(copies_made.load(std::sync::atomic::Ordering::Relaxed), 2, "three steps, the last takes it");
}

#[circuit_breaker(name = "mutable", fail_max = 100)]
#[fallback(|_rejection| { sink.push(2); Some(0) }, on(open, failure))]
async fn mutable(sink: &mut Vec<u8>) -> Result<u8, AskError> {
    sink.push(1);
    Err(AskError::Upstream)
}

#[tokio::test(start_paused = true)]
async fn a_mutable_reference_is_lent_to_the_body_and_then_to_the_step() {
    let mut sink = Vec::new();
    assert_eq!(mutable(&mut sink).await, Ok(0));
    assert_eq!(sink, [1, 2]);
}

async fn later(n: u8) -> Option<u8> {
    tokio::task::yield_now().await;
    Some(n)
}

/// Closures that leave early or wait, and then give a future.
#[circuit_breaker(name = "futures_of_steps")]
#[fallback(
    first = |rejection| { if rejection.state() == State::Open { return later(1); } later(later(2).await.unwrap() + n) },
    second = |_| { later(0).await; Box::pin(later(3)) }
)]
async fn futures_of_steps(n: u8) -> Result<u8, AskError> {
    Ok(n)
}

#[tokio::test(start_paused = true)]
async fn a_step_may_wait_and_then_give_a_future() {
    let breaker = opened("futures_of_steps");
    assert_eq!(futures_of_steps(5).await, Ok(7));
    breaker.clear_override();
    breaker_core::testing::open(&breaker);
    assert_eq!(futures_of_steps(5).await, Ok(1));
}
