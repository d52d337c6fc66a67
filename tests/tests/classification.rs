//! Which results count: `failure_if`, `classify`, `#[derive(Classify)]`, and what a type item
//! finds.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreakerError, Classify, Outcome, Registry, State, circuit_breaker, fallback, presets};
use common::secs;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Success, ignored and failure counts of a breaker.
fn counts(name: &str) -> (u64, u64, u64) {
    let seen = Registry::global().get(name).unwrap().snapshot();
    (seen.success_count, seen.ignored_count, seen.failure_count)
}

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("invalid")]
    Invalid,
}

#[derive(Debug)]
enum Reply {
    Answer,
    Status(u16),
    Degraded { reason: &'static str },
}

fn is_server_error(reply: &Reply) -> bool {
    matches!(reply, Reply::Status(500..=599))
}

#[circuit_breaker(
    name = "failure_if",
    fail_max = 3,
    exclude(ApiError::Invalid),
    failure_if(is_server_error, Reply::Degraded { reason: "stale" }, |reply| matches!(reply, Reply::Status(429)), Reply::Status(s) if *s == 408)
)]
async fn reply(result: Result<Reply, ApiError>) -> Result<Reply, ApiError> {
    result
}

#[tokio::test]
async fn failure_if_makes_failures_of_ok_values() {
    for value in [Reply::Status(503), Reply::Degraded { reason: "stale" }] {
        assert!(reply(Ok(value)).await.is_ok());
    }
    assert_eq!(counts("failure_if"), (0, 0, 2));
    for value in [Reply::Status(404), Reply::Degraded { reason: "late" }, Reply::Answer] {
        assert!(reply(Ok(value)).await.is_ok());
    }
    assert!(reply(Err(ApiError::Invalid)).await.is_err());
    assert_eq!(counts("failure_if"), (3, 1, 2));
    for status in [429, 408, 500] {
        assert!(reply(Ok(Reply::Status(status))).await.is_ok());
    }
    let breaker = Registry::global().get("failure_if").unwrap();
    assert_eq!(breaker.state(), State::Open);
    assert!(breaker.snapshot().last_error.unwrap().kind.contains("Reply"));
    assert!(matches!(reply(Ok(Reply::Answer)).await, Err(ApiError::Open(_))));
}

#[circuit_breaker(name = "ok_falls_back", failure_if(is_server_error))]
#[fallback(|rejection| (rejection.error().is_none() && status == 503).then_some(Reply::Answer), on(failure))]
fn or_answer(status: u16) -> Result<Reply, ApiError> {
    Ok(Reply::Status(status))
}

#[test]
fn an_ok_value_that_is_a_failure_falls_back_and_stands_when_the_steps_decline() {
    assert!(matches!(or_answer(503), Ok(Reply::Answer)));
    assert!(matches!(or_answer(500), Ok(Reply::Status(500))));
    assert!(matches!(or_answer(404), Ok(Reply::Status(404))));
    assert_eq!(counts("ok_falls_back"), (1, 0, 2));
}

fn by_hand(result: &Result<u16, ApiError>) -> Outcome {
    match result {
        Ok(204) | Err(ApiError::Invalid) => Outcome::ignored(),
        Ok(500..) => Outcome::failure_with_retry_after(secs(9)),
        Ok(_) => Outcome::success(),
        Err(_) => Outcome::failure(),
    }
}

#[circuit_breaker(name = "by_function", classify = by_hand)]
fn by_function(result: Result<u16, ApiError>) -> Result<u16, ApiError> {
    result
}

#[circuit_breaker(name = "by_closure", classify = |result| if result.is_ok() { Outcome::ignored() } else { Outcome::success() })]
#[fallback(value(1), on(failure))]
async fn by_closure(result: Result<u16, ApiError>) -> Result<u16, ApiError> {
    result
}

#[tokio::test]
async fn classify_with_a_function_has_the_whole_decision() {
    assert!(by_function(Ok(200)).is_ok());
    assert!(by_function(Ok(204)).is_ok());
    assert!(by_function(Ok(503)).is_ok());
    assert!(by_function(Err(ApiError::Invalid)).is_err());
    assert_eq!(counts("by_function"), (1, 2, 1));
    assert!(by_closure(Ok(1)).await.is_ok());
    assert!(by_closure(Err(ApiError::Invalid)).await.is_err());
    assert_eq!(counts("by_closure"), (1, 1, 0));
}

fn panics(_: &Result<(), ApiError>) -> Outcome {
    panic!("in the classifier")
}

#[circuit_breaker(name = "classifier_panics", classify = panics)]
fn with_a_bad_classifier() -> Result<(), ApiError> {
    Ok(())
}

#[test]
fn a_panic_of_the_classifier_is_the_calls_own() {
    std::panic::catch_unwind(with_a_bad_classifier).unwrap_err();
    assert_eq!(counts("classifier_panics"), (0, 0, 1));
}

#[derive(Classify, Debug)]
#[expect(dead_code, reason = "only what each variant counts as is looked at")]
enum Derived {
    Unmarked(CircuitBreakerError),
    #[classify(failure)]
    Failed,
    #[classify(ignored)]
    Empty {
        query: String,
    },
    #[classify(success)]
    NotFound(u32, u32),
    #[classify(delegate)]
    Io(io::Error),
    #[classify(delegate)]
    Sourced {
        place: &'static str,
        source: io::Error,
    },
    #[classify(with = presets::http_status)]
    Status(u16),
    #[classify(with = of_both)]
    Both {
        wait: u64,
        fatal: bool,
    },
    #[classify(with = of_nothing)]
    Nothing,
}

fn of_both(wait: &u64, fatal: &bool) -> Outcome {
    if *fatal { Outcome::failure_with_retry_after(secs(*wait)) } else { Outcome::success() }
}

fn of_nothing() -> Outcome {
    Outcome::ignored()
}

impl From<CircuitBreakerError> for Derived {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Unmarked(error)
    }
}

fn io_error(kind: io::ErrorKind) -> io::Error {
    kind.into()
}

#[test]
fn each_variant_counts_as_it_says() {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    for (error, expected) in [
        (Derived::Failed, Outcome::failure()),
        (Derived::Empty { query: String::new() }, Outcome::ignored()),
        (Derived::NotFound(1, 2), Outcome::success()),
        (Derived::Io(io_error(NotFound)), Outcome::success()),
        (Derived::Io(io_error(ConnectionRefused)), Outcome::failure()),
        (Derived::Sourced { place: "here", source: io_error(NotFound) }, Outcome::success()),
        (Derived::Status(404), Outcome::success()),
        (Derived::Status(429), Outcome::failure()),
        (Derived::Both { wait: 7, fatal: true }, Outcome::failure_with_retry_after(secs(7))),
        (Derived::Both { wait: 7, fatal: false }, Outcome::success()),
        (Derived::Nothing, Outcome::ignored()),
    ] {
        assert_eq!(error.classify(), expected, "{error:?}");
    }
    let breaker = common::breaker(breaker_core::Config::new());
    breaker.force_open();
    assert_eq!(Derived::from(breaker.try_acquire().unwrap_err()).classify(), Outcome::ignored());
}

#[circuit_breaker(name = "itself", classify, exclude(Derived::Failed), fail_max = 100)]
async fn itself(error: Derived) -> Result<(), Derived> {
    Err(error)
}

#[tokio::test]
async fn a_bare_classify_asks_the_error_that_no_list_names() {
    for error in [Derived::Failed, Derived::Empty { query: String::new() }, Derived::Status(404), Derived::Status(500)]
    {
        itself(error).await.unwrap_err();
    }
    assert_eq!(counts("itself"), (1, 2, 1));
}

#[derive(Classify, Debug)]
enum Response {
    #[classify(with = presets::http_status)]
    Of(u16),
}

#[circuit_breaker(name = "both", classify = presets::both)]
fn both(status: u16) -> Result<Response, io::Error> {
    if status == 0 { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(Response::Of(status)) }
}

#[test]
fn rules_both_asks_both_sides() {
    for status in [200, 404, 503, 0] {
        let _ = both(status);
    }
    assert_eq!(counts("both"), (2, 1, 1));
}

#[derive(Debug, thiserror::Error)]
#[error("a local mistake")]
struct Local;

#[derive(Debug)]
struct Outer(Box<dyn Error + Send + Sync>);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[circuit_breaker(name = "of_anyhow", exclude(Local))]
fn of_anyhow(error: anyhow::Error) -> anyhow::Result<()> {
    Err(error)
}

#[test]
fn a_type_is_found_in_an_anyhow_error_and_in_its_context() {
    let other = || anyhow::anyhow!("other");
    let boxed = || Box::<dyn Error + Send + Sync>::from(Local);
    for error in [
        Local.into(),
        anyhow::Error::new(Local).context("while reading"),
        anyhow::Error::new(Outer(Local.into())),
        other().context(Local),
        other().context(Local).context("while reading"),
        anyhow::anyhow!(boxed()),
        anyhow::Error::from_boxed(boxed()).context("while reading"),
        anyhow::Error::from_boxed(Box::new(Outer(boxed()))),
    ] {
        of_anyhow(error).unwrap_err();
    }
    assert_eq!(counts("of_anyhow"), (0, 8, 0));
    of_anyhow(other()).unwrap_err();
    of_anyhow(other().context("while reading")).unwrap_err();
    assert_eq!(counts("of_anyhow"), (0, 8, 2));
}

#[circuit_breaker(name = "in_a_box", exclude(Local))]
fn in_a_box(error: Outer) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(error.into())
}

#[test]
fn a_type_is_found_in_a_box_and_an_arc_of_it() {
    for inner in [Box::new(Box::new(Local)) as Box<dyn Error + Send + Sync>, Box::new(Arc::new(Local)), Box::new(Local)]
    {
        in_a_box(Outer(inner)).unwrap_err();
    }
    assert_eq!(counts("in_a_box"), (0, 3, 0));
}

#[derive(Debug, thiserror::Error)]
enum Hiding {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error(transparent)]
    Transparent(Local),
}

#[circuit_breaker(name = "hidden_type", exclude(Local))]
fn hidden_type() -> Result<(), Hiding> {
    Err(Hiding::Transparent(Local))
}

#[circuit_breaker(name = "hidden_pattern", exclude(Hiding::Transparent(Local)))]
fn hidden_pattern() -> Result<(), Hiding> {
    Err(Hiding::Transparent(Local))
}

#[test]
fn what_a_transparent_variant_hides_is_found_by_its_pattern() {
    hidden_type().unwrap_err();
    hidden_pattern().unwrap_err();
    assert_eq!((counts("hidden_type"), counts("hidden_pattern")), ((0, 0, 1), (0, 1, 0)));
}
