//! Errors of other crates: `open` makes one of a rejection, and a last `value(..)` needs none.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::unused_async, reason = "the shape is what is tested")]
#![allow(clippy::needless_pass_by_value, reason = "a rejection is given by value")]

mod common;

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, FallbackContext, Registry, State, circuit_breaker, fallback, retry,
};
use common::secs;
use futures_util::{Stream, stream};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;

/// An error of another crate: it has no `From<CircuitBreakerError>`, and no other crate can add
/// one.
#[derive(Debug, PartialEq)]
struct Foreign(String);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Foreign {}

fn not_called(rejection: CircuitBreakerError) -> Foreign {
    Foreign(if rejection.is_timeout() { "too late".to_owned() } else { format!("{} is open", rejection.breaker()) })
}

const BY_POINTER: fn(CircuitBreakerError) -> Foreign = not_called;

trait Absent {
    fn absent(text: &'static str) -> Self;
}

impl Absent for Foreign {
    fn absent(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

fn absent<E: Absent>(_: CircuitBreakerError) -> E {
    E::absent("generic")
}

fn opened(name: &str) -> CircuitBreaker {
    let breaker = Registry::global().get(name).unwrap();
    breaker.force_open();
    breaker
}

fn foreign<T>(text: &str) -> Result<T, Foreign> {
    Err(Foreign(text.to_owned()))
}

#[circuit_breaker(name = "open by path", open = not_called)]
async fn by_path() -> Result<u8, Foreign> {
    foreign("own")
}

#[circuit_breaker(name = "open sync", open = not_called)]
fn sync(text: String) -> Result<String, Foreign> {
    Ok(text)
}

#[circuit_breaker(name = "open by pointer", open = BY_POINTER)]
async fn by_pointer() -> Result<u8, Foreign> {
    Ok(1)
}

#[circuit_breaker(name = "open generic", open = absent)]
async fn generic<E: Absent + Send>() -> Result<u8, E> {
    Ok(1)
}

#[circuit_breaker(name = "open turbofish", open = absent::<Foreign>)]
fn turbofish() -> Result<u8, Foreign> {
    Ok(1)
}

#[circuit_breaker(name = "open closure", open = |rejection| Foreign(format!("{} at {host}", rejection.breaker())))]
async fn closure(host: &str) -> Result<u8, Foreign> {
    Ok(host.len() as u8)
}

#[circuit_breaker(name = "open future", open = not_called)]
fn boxed(text: &str) -> Pin<Box<dyn Future<Output = Result<usize, Foreign>> + Send + '_>> {
    Box::pin(async move { Ok(text.len()) })
}

#[circuit_breaker(name = "open eager", open = not_called)]
fn eager(text: String) -> impl Future<Output = Result<usize, Foreign>> {
    let length = text.len();
    async move { Ok(length) }
}

#[circuit_breaker(name = "open stream", stream, open = not_called)]
async fn items() -> Result<impl Stream<Item = Result<u8, Foreign>>, Foreign> {
    Ok(stream::iter([Ok(1)]))
}

type Boxed = Pin<Box<dyn Stream<Item = Result<u8, Foreign>> + Send>>;

#[circuit_breaker(name = "open boxed stream", stream, open = not_called)]
async fn boxed_items() -> Result<Boxed, Foreign> {
    Ok(Box::pin(stream::iter([Ok(1)])))
}

#[circuit_breaker(name = "open key", key = host, open = not_called)]
async fn keyed(host: &str) -> Result<usize, Foreign> {
    Ok(host.len())
}

#[circuit_breaker(name = "open whole", failure_if(|n| *n > 5), open = not_called)]
async fn whole(n: u8) -> Result<u8, Foreign> {
    Ok(n)
}

#[circuit_breaker(name = "open retry", open = not_called)]
#[retry(attempts = 2)]
async fn retried() -> Result<u8, Foreign> {
    foreign("own")
}

#[circuit_breaker(name = "open fallback", open = not_called)]
#[fallback(|_| None)]
async fn declined() -> Result<u8, Foreign> {
    Ok(1)
}

#[tokio::test]
async fn a_rejection_is_the_error_that_open_makes() {
    for name in [
        "open by path",
        "open sync",
        "open by pointer",
        "open generic",
        "open turbofish",
        "open closure",
        "open future",
        "open eager",
        "open stream",
        "open boxed stream",
        "open key",
        "open whole",
        "open retry",
        "open fallback",
    ] {
        let _ = opened(name);
    }
    let told = |name: &str| Foreign(format!("{name} is open"));
    assert_eq!(by_path().await.unwrap_err(), told("open by path"));
    assert_eq!(sync("x".to_owned()).unwrap_err(), told("open sync"));
    assert_eq!(by_pointer().await.unwrap_err(), told("open by pointer"));
    assert_eq!(generic::<Foreign>().await.unwrap_err(), Foreign("generic".to_owned()));
    assert_eq!(turbofish().unwrap_err(), Foreign("generic".to_owned()));
    assert_eq!(closure("here").await.unwrap_err(), Foreign("open closure at here".to_owned()));
    assert_eq!(boxed("x").await.unwrap_err(), told("open future"));
    assert_eq!(eager("x".to_owned()).await.unwrap_err(), told("open eager"));
    assert_eq!(items().await.err().unwrap(), told("open stream"));
    assert_eq!(boxed_items().await.err().unwrap(), told("open boxed stream"));
    assert_eq!(keyed("a").await.unwrap_err(), told("open key"), "the family's head is open for all");
    assert_eq!(whole(1).await.unwrap_err(), told("open whole"));
    assert_eq!(retried().await.unwrap_err(), told("open retry"));
    assert_eq!(declined().await.unwrap_err(), told("open fallback"));
}

#[circuit_breaker(name = "open late", timeout = "1s", open = not_called)]
async fn late() -> Result<u8, Foreign> {
    pending().await
}

#[circuit_breaker(name = "open late whole", timeout = "1s", failure_if(|n| *n > 5), open = not_called)]
#[fallback(|_| Some(1))]
async fn late_whole() -> Result<u8, Foreign> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_one_too() {
    assert_eq!(late().await.unwrap_err(), Foreign("too late".to_owned()));
    assert_eq!(late_whole().await.unwrap_err(), Foreign("too late".to_owned()), "the step is for rejections");
}

struct Client;

#[circuit_breaker(name = "open block", open = not_called)]
impl Client {
    async fn get(&self) -> Result<u8, Foreign> {
        Ok(1)
    }

    fn put(&self) -> Result<u8, Foreign> {
        Ok(1)
    }

    #[circuit_breaker(open = |_| "mine".to_owned())]
    fn text(&self) -> Result<u8, String> {
        Ok(1)
    }
}

#[tokio::test]
async fn on_a_block_it_is_for_each_method_and_a_methods_own_wins() {
    assert_eq!(Client.get().await, Ok(1));
    let _ = opened("open block");
    assert_eq!(Client.get().await, Err(Foreign("open block is open".to_owned())));
    assert_eq!(Client.put(), Err(Foreign("open block is open".to_owned())));
    assert_eq!(Client.text(), Err("mine".to_owned()));
}

// A last `value(..)`: no `From`, no `open`.

#[circuit_breaker(name = "value", timeout = "1s")]
#[fallback(value(0))]
async fn value(hang: bool) -> Result<u8, Foreign> {
    if hang { pending().await } else { foreign("own") }
}

#[circuit_breaker(name = "value of rejection")]
#[fallback(|_| None, value(|rejection: &FallbackContext<'_>| rejection.reason().to_owned()), on(failure))]
async fn reason() -> Result<String, Foreign> {
    foreign("own")
}

#[circuit_breaker(name = "value sync")]
#[fallback(value(|rejection| rejection.breaker().to_owned()))]
fn value_sync() -> Result<String, Foreign> {
    Ok("own".to_owned())
}

#[circuit_breaker(name = "value retry", timeout = "1s")]
#[retry(attempts = 2)]
#[fallback(value(0), on(failure))]
async fn value_retried() -> Result<u8, Foreign> {
    pending().await
}

#[circuit_breaker(name = "value cache", timeout = "1s")]
#[fallback(cache(key = n, max = 10, ttl = "1m"), value(0))]
async fn value_cached(n: u8) -> Result<u8, Foreign> {
    if n == 1 { pending().await } else { Ok(n) }
}

#[tokio::test(start_paused = true)]
async fn a_last_value_answers_in_place_of_an_error_that_cannot_be_made() {
    assert_eq!(value(true).await, Ok(0), "a time-out");
    assert_eq!(value(false).await, foreign("own"), "an error of its own is none of `on(open)`");
    assert_eq!(reason().await.unwrap(), "failure");
    assert_eq!(value_sync().unwrap(), "own");
    assert_eq!(value_retried().await, Ok(0));
    assert_eq!(value_cached(1).await, Ok(0));
    for name in ["value", "value of rejection", "value sync", "value retry", "value cache"] {
        let _ = opened(name);
    }
    assert_eq!(value(false).await, Ok(0));
    assert_eq!(reason().await.unwrap(), "circuit_breaker_open", "whatever `on(..)` says");
    assert_eq!(value_sync().unwrap(), "value sync");
    assert_eq!(value_retried().await, Ok(0));
    assert_eq!(value_cached(3).await, Ok(0));
}

#[circuit_breaker(name = "value with from", timeout = "1s")]
#[fallback(value(0), on(failure))]
async fn value_with_from() -> Result<u8, CircuitBreakerError> {
    Ok(1)
}

#[tokio::test]
async fn where_an_error_can_be_made_on_says_what_falls_back() {
    assert_eq!(value_with_from().await.unwrap(), 1);
    let _ = opened("value with from");
    assert!(value_with_from().await.is_err());
}

// Functions that return no `Result`.

#[circuit_breaker(name = "an option", fail_max = 2, failure_if(Option::is_none))]
#[fallback(value(Some(0)))]
async fn option(found: Option<u8>) -> Option<u8> {
    found
}

#[circuit_breaker(name = "a bool", fail_max = 2, failure_if(false))]
#[fallback(value(true))]
fn flag(up: bool) -> bool {
    up
}

#[circuit_breaker(name = "nothing", fail_max = 1, timeout = "1s", failure_if(|()| false))]
#[fallback(value(()))]
async fn nothing(hang: bool) {
    if hang {
        pending::<()>().await;
    }
}

#[derive(Debug, PartialEq)]
struct Health {
    up: bool,
}

#[circuit_breaker(name = "a struct", fail_max = 1, failure_if(Health { up: false }))]
#[fallback(|_| None, value(Health { up: true }), on(open, failure))]
async fn health(up: bool) -> Health {
    if !up {
        return Health { up };
    }
    Health { up }
}

#[circuit_breaker(name = "a generic value", fail_max = 1, failure_if(|value| *value == T::default()))]
#[fallback(value(|_| T::default()))]
async fn generic_value<T: Default + PartialEq + Send + Sync>(value: T) -> T {
    value
}

type Reply = Result<u8, Foreign>;

#[circuit_breaker(name = "an alias", fail_max = 1, failure_if(|n| *n > 5))]
#[fallback(|_| None, value(3), on(open, failure))]
async fn alias(n: u8) -> Reply {
    if n == 0 { foreign("own") } else { Ok(n) }
}

mod steps {
    pub(super) async fn same_signature(found: Option<u8>) -> Option<u8> {
        found.filter(|n| *n > 1)
    }
}

#[circuit_breaker(name = "an option with steps", failure_if(Option::is_none))]
#[fallback(steps::same_signature, value(None), on(open, failure))]
#[retry(attempts = 2)]
async fn option_with_steps(found: Option<u8>) -> Option<u8> {
    found.filter(|n| *n > 9)
}

#[tokio::test(start_paused = true)]
async fn a_function_without_a_result_is_judged_by_its_value() {
    assert_eq!((option(Some(1)).await, option(None).await, option(None).await), (Some(1), None, None));
    assert_eq!(option(Some(1)).await, Some(0), "two failures opened it");
    assert_eq!((flag(true), flag(false), flag(false), flag(false)), (true, false, false, true));
    nothing(true).await;
    let nothing_breaker = Registry::global().get("nothing").unwrap();
    assert_eq!(nothing_breaker.snapshot().failure_count, 1, "a time-out");
    nothing(false).await;
    assert_eq!(nothing_breaker.snapshot().rejected_count, 1);
    assert_eq!(health(true).await, Health { up: true });
    assert_eq!(health(false).await, Health { up: true }, "a failure falls back");
    assert_eq!(Registry::global().get("a struct").unwrap().snapshot().failure_count, 1);
    assert_eq!((generic_value(1).await, generic_value(0).await, generic_value(7).await), (1, 0, 0));
    assert_eq!(option_with_steps(Some(12)).await, Some(12));
    assert_eq!(option_with_steps(Some(2)).await, Some(2), "the step has it");
    assert_eq!(option_with_steps(Some(1)).await, None, "the step leaves it to the last one");
    tokio::time::advance(secs(1)).await;
}

#[tokio::test]
async fn an_alias_of_a_result_stays_one() {
    assert_eq!(alias(1).await, Ok(1));
    assert_eq!(alias(0).await, Ok(3), "its error is a failure");
    assert_eq!(alias(1).await, Ok(3), "which has opened it");
}

struct Flags;

/// What it says of errors is for the methods that have some.
#[circuit_breaker(
    fail_max = 1,
    name = "flags_block",
    success(is_absent),
    exclude(is_empty),
    open = |_| Foreign("open".to_owned())
)]
impl Flags {
    fn get(&self, text: &str) -> Result<u8, Foreign> {
        foreign(text)
    }

    #[circuit_breaker(failure_if(Option::is_none))]
    #[fallback(value(None))]
    async fn flag(&self, found: Option<bool>) -> Option<bool> {
        found
    }

    #[circuit_breaker(failure_if(|up| !up))]
    #[fallback(value(false))]
    fn is_up(&self, up: bool) -> bool {
        up
    }

    #[circuit_breaker(failure_if(Option::is_none))]
    #[fallback(value(None))]
    fn later(&self, found: Option<u8>) -> Pin<Box<dyn Future<Output = Option<u8>> + Send + '_>> {
        Box::pin(async move { found })
    }
}

fn is_absent(error: &Foreign) -> bool {
    error.0 == "absent"
}

fn is_empty(error: &Foreign) -> bool {
    error.0.is_empty()
}

#[tokio::test]
async fn what_a_block_says_of_errors_is_not_for_methods_without_one() {
    let flags = Flags;
    for text in ["absent", ""] {
        assert_eq!(flags.get(text), Err(Foreign(text.to_owned())));
        assert_eq!(flags.flag(Some(true)).await, Some(true));
        assert_eq!(flags.later(Some(1)).await, Some(1));
    }
    let breaker = Registry::global().get("flags_block").unwrap();
    assert_eq!(breaker.state(), State::Closed);
    assert!(!flags.is_up(false), "which opens it");
    assert_eq!(breaker.state(), State::Open);
    assert!(!flags.is_up(true));
    assert_eq!(flags.flag(Some(true)).await, None);
    assert_eq!(flags.later(Some(1)).await, None);
    assert_eq!(flags.get("absent"), Err(Foreign("open".to_owned())));
}
