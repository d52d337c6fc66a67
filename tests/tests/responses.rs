//! HTTP responses in an `Ok`: `classify` alone asks both sides, and a bare attribute says once that
//! it asks neither.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::unused_async, reason = "the shape is what is tested")]

mod common;

use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Classify, Outcome, Registry, circuit_breaker, fallback, retry,
};
use common::log::Log;
use http::Response;
use std::future::Future;
use std::pin::Pin;
use tracing::Level;

#[derive(Classify, Debug, thiserror::Error)]
enum ApiError {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("empty question")]
    #[classify(ignored)]
    Empty,
}

type Answer = Response<&'static str>;

fn answer(status: u16) -> Result<Answer, ApiError> {
    if status == 0 {
        return Err(ApiError::Empty);
    }
    Ok(Response::builder().status(status).body("").unwrap())
}

fn not_called(rejection: CircuitBreakerError) -> ApiError {
    rejection.into()
}

#[circuit_breaker(name = "both", fail_max = 2, classify)]
async fn both(status: u16) -> Result<Response<&'static str>, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "both sync", fail_max = 2, classify)]
fn both_sync(status: u16) -> Result<Response<&'static str>, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "both by alias", fail_max = 2, classify)]
async fn by_alias(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "both by key", fail_max = 2, key = "host".to_owned(), classify)]
async fn by_key(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "both open", fail_max = 2, classify, open = not_called)]
async fn with_open(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "both future", fail_max = 2, classify)]
fn future(status: u16) -> Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send>> {
    Box::pin(async move { answer(status) })
}

#[circuit_breaker(name = "both and a list", fail_max = 3, classify, failure_if(|answer| answer.status() == 404))]
async fn and_a_list(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

struct Client;

#[circuit_breaker(name = "both in a block", fail_max = 2, classify)]
impl Client {
    async fn get(&self, status: u16) -> Result<Answer, ApiError> {
        answer(status)
    }
}

fn breaker(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap()
}

#[tokio::test]
async fn a_bare_classify_asks_both_sides() {
    macro_rules! each {
        ($($name:literal $call:expr, $counted:expr;)*) => {$(
            let call = $call;
            for status in [0, 200, 404] {
                drop(call(status).await);
            }
            let before = breaker($counted).snapshot();
            assert_eq!((before.ignored_count, before.failure_count), (1, u64::from($name == "both and a list")), $name);
            for _ in 0..2 {
                assert_eq!(call(503).await.unwrap().status(), 503, $name);
            }
            assert!(matches!(call(200).await, Err(ApiError::Open(_))), "{} is open", $name);
        )*};
    }
    each! {
        "both" both, "both";
        "both sync" async |status| both_sync(status), "both sync";
        "both by alias" by_alias, "both by alias";
        "both by key" by_key, "both by key[host]";
        "both open" with_open, "both open";
        "both future" future, "both future";
        "both and a list" and_a_list, "both and a list";
        "both in a block" async |status| Client.get(status).await, "both in a block";
    }
}

#[derive(Clone, Debug)]
struct Page(u16);

impl Classify for Page {
    fn classify(&self) -> Outcome {
        if self.0 >= 500 { Outcome::failure() } else { Outcome::success() }
    }
}

#[circuit_breaker(name = "both falls back", classify)]
#[retry(attempts = 3)]
#[fallback(|_| Some(Page(200)), on(failure))]
async fn falls_back(status: u16) -> Result<Page, ApiError> {
    if status == 0 { Err(ApiError::Empty) } else { Ok(Page(status)) }
}

#[circuit_breaker(name = "error only", classify)]
async fn error_only<T: Send>(value: T) -> Result<T, ApiError> {
    Ok(value)
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_a_failure_is_tried_again_and_falls_back() {
    assert_eq!(falls_back(503).await.unwrap().0, 200);
    assert_eq!(breaker("both falls back").snapshot().failure_count, 3);
    assert_eq!(error_only(Page(503)).await.unwrap().0, 503, "a type parameter says nothing of itself");
    assert_eq!(breaker("error only").snapshot().failure_count, 0);
}

#[circuit_breaker(name = "bare")]
async fn bare(status: u16) -> Result<Response<&'static str>, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "bare sync", open = not_called)]
fn bare_sync(status: u16) -> Result<Response<&'static str>, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "judged otherwise", failure_if(|answer| answer.status() == 500))]
async fn judged_otherwise(status: u16) -> Result<Response<&'static str>, ApiError> {
    answer(status)
}

mod of_mine {
    #[derive(Debug)]
    pub(super) struct Response;
}

#[circuit_breaker(name = "another response")]
async fn of_mine() -> Result<of_mine::Response, ApiError> {
    Ok(of_mine::Response)
}

#[tokio::test]
async fn a_bare_attribute_counts_a_response_as_a_success_and_says_so_once() {
    let log = Log::at(Level::WARN);
    for status in [200, 404, 503, 500, 200] {
        assert_eq!(bare(status).await.unwrap().status(), status);
        assert_eq!(bare_sync(status).unwrap().status(), status);
        assert_eq!(judged_otherwise(status).await.unwrap().status(), status);
    }
    of_mine().await.unwrap();
    assert_eq!((breaker("bare").snapshot().success_count, breaker("bare").snapshot().failure_count), (5, 0));
    let told: Vec<String> = log.lines().into_iter().filter(|line| line.contains("classify")).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    for (line, function) in told.iter().zip(["bare", "bare_sync"]) {
        assert!(line.contains(&format!("responses::{function} returned a response with status 503")), "{line}");
        assert!(line.contains("#[circuit_breaker(classify)]"), "{line}");
    }
}

#[circuit_breaker(name = "told", fail_max = 1, classify)]
async fn told(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "told sync", fail_max = 1, classify)]
fn told_sync(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

#[circuit_breaker(name = "told by value", fail_max = 1, failure_if(|answer| answer.status().is_server_error()))]
async fn told_by_value(status: u16) -> Result<Answer, ApiError> {
    answer(status)
}

#[tokio::test]
async fn the_status_of_an_answer_that_is_a_failure_is_told() {
    told(503).await.unwrap();
    told_sync(503).unwrap();
    told_by_value(503).await.unwrap();
    for name in ["told", "told sync", "told by value"] {
        let snapshot = Registry::global().get(name).unwrap().snapshot();
        let (because, last) = (snapshot.opened_because.unwrap(), snapshot.last_error.unwrap());
        assert!(because.ends_with("last: HTTP status 503"), "{name}: {because}");
        assert_eq!(last.message.as_deref(), Some("HTTP status 503"), "{name}");
    }
}
