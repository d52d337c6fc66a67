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

/// Presets by the path `presets::..`: the value in the `Ok` is asked as by `classify` alone.
mod by_preset {
    use super::*;
    use breaker_core::presets;
    use std::time::Duration;

    fn any_answer(status: u16) -> anyhow::Result<Answer> {
        if status == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
        }
        Ok(Response::builder().status(status).header("retry-after", "70").body("")?)
    }

    #[circuit_breaker(name = "by a preset", fail_max = 2, classify = presets::any)]
    async fn asynchronous(status: u16) -> anyhow::Result<Answer> {
        any_answer(status)
    }

    #[circuit_breaker(name = "by a preset sync", fail_max = 2, classify = presets::any)]
    fn sync(status: u16) -> anyhow::Result<Answer> {
        any_answer(status)
    }

    #[circuit_breaker(name = "by a preset by key", fail_max = 2, key = "host".to_owned(), classify = presets::io)]
    async fn by_key(status: u16) -> anyhow::Result<Answer> {
        any_answer(status)
    }

    #[circuit_breaker(name = "by a preset future", fail_max = 2, classify = presets::any)]
    fn future(status: u16) -> Pin<Box<dyn Future<Output = anyhow::Result<Answer>> + Send>> {
        Box::pin(async move { any_answer(status) })
    }

    struct Client;

    #[circuit_breaker(name = "by a preset in a block", fail_max = 2, classify = presets::any)]
    impl Client {
        async fn get(&self, status: u16) -> anyhow::Result<Answer> {
            any_answer(status)
        }

        fn get_sync(&self, status: u16) -> anyhow::Result<Answer> {
            any_answer(status)
        }
    }

    #[tokio::test]
    async fn a_preset_asks_the_value_too() {
        macro_rules! each {
            ($($name:literal $call:expr;)*) => {$(
                let call = $call;
                call(0).await.unwrap_err();
                for status in [200, 404] {
                    call(status).await.unwrap();
                }
                assert_eq!(breaker($name).snapshot().success_count, 3, "{}: the preset decides about errors", $name);
                for _ in 0..2 {
                    assert_eq!(call(503).await.unwrap().status(), 503, "{}", $name);
                }
                let rejected = call(200).await.unwrap_err();
                let wait = rejected.downcast_ref::<CircuitBreakerError>().unwrap().retry_after().unwrap();
                assert!(wait > Duration::from_secs(60), "{}: `Retry-After` counts: {wait:?}", $name);
                let last = breaker($name).snapshot().last_error.unwrap();
                assert_eq!(last.message.as_deref(), Some("HTTP status 503"), "{}", $name);
            )*};
        }
        each! {
            "by a preset" asynchronous;
            "by a preset sync" async |status| sync(status);
            "by a preset by key[host]" by_key;
            "by a preset future" future;
            "by a preset in a block" async |status| Client.get(status).await;
        }
        Client.get_sync(200).unwrap_err();
    }

    #[circuit_breaker(name = "by a preset falls back", classify = presets::any)]
    #[retry(attempts = 3)]
    #[fallback(|_| Some(Page(200)), on(failure))]
    async fn falls_back(status: u16) -> anyhow::Result<Page> {
        Ok(Page(status))
    }

    #[circuit_breaker(name = "any value", fail_max = 1, classify = presets::errors)]
    fn any_value<T>(value: T) -> anyhow::Result<T> {
        Ok(value)
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_that_a_preset_leaves_to_itself_is_tried_again() {
        assert_eq!(falls_back(503).await.unwrap().0, 200);
        assert_eq!(breaker("by a preset falls back").snapshot().failure_count, 3);
        any_value(Page(503)).unwrap();
        any_value("no `Classify`").unwrap();
        assert_eq!(breaker("any value").snapshot().success_count, 2);
    }

    /// Functions of the user's own see the whole result, wherever they are.
    mod of_mine {
        pub(super) mod presets {
            use super::super::*;

            pub(crate) fn lenient(result: &anyhow::Result<Answer>) -> Outcome {
                if result.is_ok() { Outcome::success() } else { Outcome::failure() }
            }

            pub(crate) fn strict(result: &anyhow::Result<Answer>) -> Outcome {
                if result.as_ref().is_ok_and(|answer| answer.status() == 200) {
                    Outcome::success()
                } else {
                    Outcome::failure()
                }
            }
        }

        pub(super) fn shown(result: &anyhow::Result<super::Answer>) -> super::presets::Shown<anyhow::Error> {
            super::presets::errors(result)
        }
    }

    #[circuit_breaker(name = "mine lenient", fail_max = 1, classify = of_mine::presets::lenient)]
    fn lenient(status: u16) -> anyhow::Result<Answer> {
        any_answer(status)
    }

    #[circuit_breaker(name = "mine strict", fail_max = 1, classify = of_mine::presets::strict)]
    fn strict(status: u16) -> anyhow::Result<Answer> {
        any_answer(status)
    }

    #[circuit_breaker(name = "mine shown", fail_max = 1, classify = of_mine::shown)]
    fn shown(status: u16) -> anyhow::Result<Answer> {
        any_answer(status)
    }

    mod imported {
        use super::*;
        use breaker_core::presets as ready;
        use breaker_core::presets::any;

        #[circuit_breaker(name = "imported", classify = any)]
        async fn by_name(status: u16) -> anyhow::Result<Response<&'static str>> {
            any_answer(status)
        }

        #[circuit_breaker(name = "imported sync", classify = ready::io)]
        fn by_alias(status: u16) -> anyhow::Result<Response<&'static str>> {
            any_answer(status)
        }

        #[circuit_breaker(name = "imported in mine", classify = of_mine::shown)]
        fn by_mine(status: u16) -> anyhow::Result<Response<&'static str>> {
            any_answer(status)
        }

        #[tokio::test]
        async fn a_preset_under_another_path_is_told_once_as_about_errors_only() {
            let log = Log::at(Level::WARN);
            for status in [0, 200, 503, 503] {
                drop(by_name(status).await);
                drop(by_alias(status));
                drop(by_mine(status));
            }
            let told: Vec<String> = log.lines().into_iter().filter(|line| line.contains("its preset")).collect();
            assert_eq!(told.len(), 2, "{told:#?}");
            for (line, function) in told.iter().zip(["by_name", "by_alias"]) {
                assert!(line.contains(&format!("imported::{function} returned a response with status 503")), "{line}");
                assert!(line.contains("`classify = presets::"), "{line}");
            }
            assert_eq!(breaker("imported").snapshot().success_count, 4);
        }
    }

    #[test]
    fn a_function_of_the_users_own_has_the_whole_decision() {
        lenient(503).unwrap();
        assert_eq!(breaker("mine lenient").snapshot().success_count, 1);
        strict(404).unwrap();
        assert_eq!(breaker("mine strict").snapshot().failure_count, 1);
        shown(503).unwrap();
        assert_eq!(breaker("mine shown").snapshot().success_count, 1);
    }
}

/// Responses whose status the library cannot see: a version whose feature is off, or one inside
/// another value.
mod unseen {
    use super::*;
    use breaker_core::presets;

    fn old(status: u16) -> http_0_2::Response<&'static str> {
        http_0_2::Response::builder().status(status).body("").unwrap()
    }

    #[circuit_breaker(name = "unseen")]
    async fn bare_old() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen sync")]
    fn bare_old_sync() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen classify", classify)]
    async fn classify_old() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen classify sync", classify)]
    fn classify_old_sync() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen preset", classify = presets::any)]
    async fn preset_old() -> anyhow::Result<http_0_2::Response<&'static str>> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen inside")]
    async fn inside() -> Result<Option<Response<&'static str>>, ApiError> {
        Ok(Some(answer(200)?))
    }

    #[circuit_breaker(name = "unseen inside classify", classify)]
    fn inside_classify() -> Result<(Response<&'static str>, u8), ApiError> {
        Ok((answer(200)?, 1))
    }

    #[circuit_breaker(name = "seen in a box", classify)]
    fn in_a_box() -> Result<Box<Response<&'static str>>, ApiError> {
        Ok(Box::new(answer(200)?))
    }

    #[circuit_breaker(name = "unseen but decided", failure_if(|answer| answer.status() == 500))]
    fn decided() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen but decided too", classify, failure_if(|answer| answer.status() == 500))]
    async fn decided_too() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "unseen but by a function", classify = |result| match result {
        Ok(_) => Outcome::success(),
        Err(_) => Outcome::failure(),
    })]
    fn by_a_function() -> Result<http_0_2::Response<&'static str>, ApiError> {
        Ok(old(200))
    }

    #[circuit_breaker(name = "no http")]
    async fn no_http() -> Result<of_mine::Response, ApiError> {
        Ok(of_mine::Response)
    }

    #[circuit_breaker(name = "no http classify", classify)]
    fn no_http_classify() -> Result<of_mine::Response, ApiError> {
        Ok(of_mine::Response)
    }

    #[tokio::test]
    async fn a_status_that_cannot_be_seen_is_told_once_for_each_function() {
        let log = Log::at(Level::WARN);
        for _ in 0..2 {
            bare_old().await.unwrap();
            bare_old_sync().unwrap();
            classify_old().await.unwrap();
            classify_old_sync().unwrap();
            preset_old().await.unwrap();
            inside().await.unwrap();
            inside_classify().unwrap();
            in_a_box().unwrap();
            decided().unwrap();
            decided_too().await.unwrap();
            by_a_function().unwrap();
            no_http().await.unwrap();
            no_http_classify().unwrap();
        }
        let told: Vec<String> = log.lines().into_iter().filter(|line| line.contains("status")).collect();
        let functions = [
            ("bare_old", true),
            ("bare_old_sync", true),
            ("classify_old", true),
            ("classify_old_sync", true),
            ("preset_old", true),
            ("inside", false),
            ("inside_classify", false),
        ];
        assert_eq!(told.len(), functions.len(), "{told:#?}");
        for (line, (function, by_feature)) in told.iter().zip(functions) {
            assert!(line.contains(&format!("responses::unseen::{function} returns ")), "{line}");
            assert!(line.contains("http::response::Response") && line.contains("cannot be seen"), "{line}");
            assert!(line.contains("failure_if"), "{line}");
            assert_eq!(line.contains("`http-0-2`"), by_feature, "{line}");
        }
    }
}
