//! Functions that give their future without being `async`: the gate is in the first poll, and costs
//! no second box.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::manual_async_fn, reason = "these shapes are what is tested")]
#![allow(clippy::needless_pass_by_value, clippy::ptr_arg, reason = "a step takes what its function takes")]

mod common;

use async_recursion::async_recursion;
use async_trait::async_trait;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, State, circuit_breaker, fallback};
use common::secs;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use tokio::time::advance;

#[derive(Debug, PartialEq)]
enum Fault {
    Open,
    TimedOut,
    Upstream(u32),
}

impl From<CircuitBreakerError> for Fault {
    fn from(error: CircuitBreakerError) -> Self {
        if error.is_timeout() { Self::TimedOut } else { Self::Open }
    }
}

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap_or_else(|| panic!("{name} is not known"))
}

fn is_send<T: Send>(value: T) -> T {
    value
}

thread_local!(static STEPS: Cell<(u32, u32)> = const { Cell::new((0, 0)) });

/// How often the eager part and the future ran since the last look.
fn ran() -> (u32, u32) {
    STEPS.take()
}

fn eager_ran() {
    let (eager, lazy) = STEPS.get();
    STEPS.set((eager + 1, lazy));
}

fn future_ran() {
    let (eager, lazy) = STEPS.get();
    STEPS.set((eager, lazy + 1));
}

#[circuit_breaker(name = "lazy_impl", fail_max = 1)]
fn lazy_impl(n: u32) -> impl Future<Output = Result<u32, Fault>> + Send {
    async move {
        future_ran();
        ready(()).await;
        Err(Fault::Upstream(n))
    }
}

#[circuit_breaker(name = "lazy_box", fail_max = 1)]
fn lazy_box<'a>(n: &'a u32, text: &str) -> Pin<Box<dyn Future<Output = Result<u32, Fault>> + Send + 'a>> {
    eager_ran();
    let length = text.len();
    Box::pin(async move {
        future_ran();
        ready(()).await;
        Err(Fault::Upstream(*n + u32::try_from(length).unwrap_or(0)))
    })
}

fn made_elsewhere(n: u32) -> impl Future<Output = Result<u32, Fault>> + Send {
    async move {
        future_ran();
        Err(Fault::Upstream(n))
    }
}

#[circuit_breaker(name = "eager_impl", fail_max = 1)]
fn eager_impl(text: &str) -> impl Future<Output = Result<u32, Fault>> + Send + use<> {
    eager_ran();
    made_elsewhere(u32::try_from(text.len()).unwrap_or(0))
}

#[circuit_breaker(name = "eager_box", fail_max = 1)]
fn eager_box(n: u32) -> BoxFuture<'static, Result<u32, Fault>> {
    eager_ran();
    if n == 0 {
        return Box::pin(ready(Ok(0)));
    }
    Box::pin(made_elsewhere(n))
}

/// The call is lazy, a failure opens the breaker, and an open one does not poll the body.
async fn opens<F: Future<Output = Result<u32, Fault>> + Send>(name: &str, eager: u32, call: impl Fn() -> F) {
    drop(call());
    assert_eq!((ran(), named(name).snapshot().cancelled_count), ((eager, 0), 0), "{name} is lazy");
    let future = is_send(call());
    assert_eq!(future.await.unwrap_err(), Fault::Upstream(3));
    assert_eq!((ran(), named(name).state()), ((eager, 1), State::Open), "{name}");
    let late = call();
    assert_eq!(late.await.unwrap_err(), Fault::Open);
    assert_eq!((ran(), named(name).snapshot().rejected_count), ((eager, 0), 1), "{name}");
    let asked_when_polled = call();
    named(name).reset();
    assert_eq!(asked_when_polled.await.unwrap_err(), Fault::Upstream(3), "{name} asks in the first poll");
    ran();
}

#[tokio::test(start_paused = true)]
async fn the_gate_of_a_returned_future_is_in_its_first_poll() {
    opens("lazy_impl", 0, || lazy_impl(3)).await;
    opens("lazy_box", 1, || lazy_box(&1, "ab")).await;
    opens("eager_impl", 1, || eager_impl("abc")).await;
    opens("eager_box", 1, || eager_box(3)).await;
    assert_eq!(eager_box(0).await, Err(Fault::Open));
}

#[test]
fn a_boxed_future_has_no_second_box() {
    let boxes = |call: &dyn Fn() -> Pin<Box<dyn Future<Output = Result<u32, Fault>> + Send>>| {
        let run = || assert_eq!(call().now_or_never(), Some(Ok(1)));
        run();
        allocation_counter::measure(run).count_total
    };
    assert_eq!(boxes(&|| Box::pin(async { Ok(1) })), 1);
    assert_eq!(boxes(&|| one_box(0)), 1);
    assert_eq!(boxes(&|| boxed_method(1)), 1);
    assert_eq!(boxes(&|| two_boxes(0)), 2, "a box that somebody else made cannot hold the gate");
}

#[circuit_breaker]
fn one_box(n: u32) -> Pin<Box<dyn Future<Output = Result<u32, Fault>> + Send>> {
    let n = n + 1;
    Box::pin(async move { Ok(n) })
}

#[circuit_breaker]
fn boxed_method(n: u32) -> BoxFuture<'static, Result<u32, Fault>> {
    async move { Ok(n) }.boxed()
}

#[circuit_breaker]
fn two_boxes(n: u32) -> BoxFuture<'static, Result<u32, Fault>> {
    one_box(n)
}

#[circuit_breaker(name = "returned_slow", timeout = "1s", fail_max = 1, exclude(Fault::Upstream))]
fn slow(n: u32) -> BoxFuture<'static, Result<u32, Fault>> {
    async move { if n > 0 { Err(Fault::Upstream(n)) } else { pending().await } }.boxed()
}

#[tokio::test(start_paused = true)]
async fn keys_work_on_a_returned_future() {
    assert_eq!(slow(1).await, Err(Fault::Upstream(1)));
    assert_eq!(named("returned_slow").snapshot().ignored_count, 1);
    assert_eq!(slow(0).await, Err(Fault::TimedOut));
    assert_eq!(named("returned_slow").state(), State::Open);
    advance(secs(30)).await;
    assert_eq!(named("returned_slow").state(), State::HalfOpen);
}

/// Neither `Clone` nor `Copy`.
#[derive(Debug, PartialEq)]
struct Owned(u32);

struct Client {
    upstream: Result<u32, u32>,
    stored: u32,
}

#[async_trait]
trait Ask {
    async fn ask(&self, question: Owned, text: &str) -> Result<u32, Fault>;

    async fn change(&mut self, by: u32) -> Result<u32, Fault>;

    async fn consume(self: Box<Self>) -> Result<u32, Fault>;

    #[circuit_breaker(name = "trait_provided", fail_max = 1)]
    async fn provided(&self) -> Result<u32, Fault>
    where
        Self: Sync,
    {
        self.ask(Owned(1), "provided").await
    }
}

#[async_trait]
impl Ask for Client {
    #[circuit_breaker(name = "trait_ask", fail_max = 1)]
    #[fallback(stored = Self::stored, |rejection| { ready(()).await; Some(self.stored + rejection.reason().len() as u32) })]
    async fn ask(&self, question: Owned, text: &str) -> Result<u32, Fault> {
        ready(()).await;
        assert!(!text.is_empty());
        Ok(self.upstream.map_err(Fault::Upstream)? + question.0)
    }

    #[fallback(|_| Some(0))]
    #[circuit_breaker(name = "trait_change", fail_max = 1)]
    async fn change(&mut self, mut by: u32) -> Result<u32, Fault> {
        by += 1;
        self.stored += by;
        Ok(self.upstream.map_err(Fault::Upstream)? + self.stored)
    }

    #[circuit_breaker(name = "trait_consume", fail_max = 1)]
    #[fallback(value(7), on(open, failure))]
    async fn consume(self: Box<Self>) -> Result<u32, Fault> {
        self.upstream.map_err(Fault::Upstream)
    }
}

impl Client {
    async fn stored(&self, question: Owned, _text: &str) -> Option<u32> {
        ready(()).await;
        (question.0 > 1).then_some(self.stored + question.0)
    }
}

#[tokio::test(start_paused = true)]
async fn methods_of_an_async_trait_have_breakers_and_fallbacks() {
    let mut client = Client { upstream: Ok(1), stored: 10 };
    let dynamic: &(dyn Ask + Sync) = &client;
    drop(dynamic.ask(Owned(1), "never polled"));
    assert_eq!(named("trait_ask").snapshot().cancelled_count, 0);
    assert_eq!(is_send(dynamic.ask(Owned(1), "a")).await, Ok(2));
    client.upstream = Err(5);
    assert_eq!(client.ask(Owned(1), "a").await, Err(Fault::Upstream(5)));
    assert_eq!(client.ask(Owned(2), "a").await, Ok(12), "the owned argument goes to the step uncloned");
    assert_eq!(client.ask(Owned(1), "a").await, Ok(10 + "circuit_breaker_open".len() as u32));
    assert_eq!(client.change(1).await, Err(Fault::Upstream(5)));
    assert_eq!((client.change(1).await, client.stored), (Ok(0), 12));
    assert_eq!(client.provided().await, Ok(12 + "circuit_breaker_open".len() as u32));
    assert_eq!(Box::new(client).consume().await, Ok(7));
    assert_eq!(named("trait_consume").state(), State::Open);
}

#[async_recursion]
#[circuit_breaker(name = "recursion_above", fail_max = 1)]
async fn recursion_above(n: u32) -> Result<u32, Fault> {
    if n == 0 { Err(Fault::Upstream(0)) } else { Ok(recursion_above(n - 1).await.unwrap_or(100) + 1) }
}

#[circuit_breaker(name = "recursion_below", fail_max = 1)]
#[async_recursion]
#[fallback(|_| Some(50))]
async fn recursion_below(n: u32) -> Result<u32, Fault> {
    if n == 0 { Err(Fault::Upstream(0)) } else { Ok(recursion_below(n - 1).await.unwrap_or(100) + 1) }
}

#[tokio::test(start_paused = true)]
async fn async_recursion_goes_above_and_below() {
    assert_eq!(is_send(recursion_above(2)).await, Ok(102));
    assert_eq!(recursion_above(2).await, Err(Fault::Open));
    assert_eq!(is_send(recursion_below(2)).await, Ok(102));
    assert_eq!(recursion_below(2).await, Ok(50));
}

#[circuit_breaker(name = "returned_fallback", fail_max = 1)]
#[fallback(stored, on(open, failure))]
fn with_fallback(question: String, list: &mut Vec<String>) -> impl Future<Output = Result<usize, Fault>> {
    async move {
        list.push(question);
        Err(Fault::Upstream(1))
    }
}

fn stored(question: String, list: &mut Vec<String>) -> Option<usize> {
    Some(question.len() + list.len())
}

#[circuit_breaker(name = "shared_fallback", fail_max = 1)]
#[fallback(|rejection| Some(text.len() + rejection.breaker().len()))]
fn shared_fallback(n: usize, text: &str) -> BoxFuture<'_, Result<usize, Fault>> {
    let future = async move { if n == 0 { Err(Fault::Upstream(1)) } else { Ok(n) } };
    Box::pin(future)
}

#[tokio::test(start_paused = true)]
async fn steps_get_the_arguments_of_a_returned_future() {
    let mut list = Vec::new();
    assert_eq!(with_fallback("abc".to_owned(), &mut list).await, Ok(4));
    assert_eq!(with_fallback("abcd".to_owned(), &mut list).await, Ok(5), "rejected: the body did not push");
    assert_eq!(shared_fallback(0, "a").await, Err(Fault::Upstream(1)));
    assert_eq!(shared_fallback(1, "ab").await, Ok(2 + "shared_fallback".len()));
}

#[circuit_breaker(name = "returned_panic", fail_max = 1)]
fn panics(eager: bool) -> impl Future<Output = Result<u32, Fault>> {
    assert!(!eager, "while it is made");
    async move { panic!("while it is polled") }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_future_is_counted_and_one_of_the_eager_part_is_the_callers() {
    let message = |panic: Box<dyn std::any::Any + Send>| panic.downcast_ref::<&str>().map(ToString::to_string);
    let made = std::panic::catch_unwind(|| drop(panics(true))).unwrap_err();
    assert_eq!(message(made).as_deref(), Some("while it is made"));
    drop(panics(false));
    let polled = std::panic::AssertUnwindSafe(panics(false)).catch_unwind().await.unwrap_err();
    assert_eq!(message(polled).as_deref(), Some("while it is polled"));
    assert_eq!((named("returned_panic").state(), named("returned_panic").snapshot().failure_count), (State::Open, 1));
}
