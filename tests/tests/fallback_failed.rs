//! What is reported when a fallback was declared, and the caller gets an error all the same.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CacheStore, CircuitBreakerError, Event, Registry, circuit_breaker, fallback, retry, testing};
use common::secs;
use metrics::set_default_local_recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::future::pending;

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
    #[error("the step's own")]
    Step,
}

type Answer = Result<u8, Fault>;

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(first = |_| None, second = |_| async { Err::<u8, _>(Fault::Step) }, third = |_| Some(3), on(open, failure))]
async fn second_errs() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(first = |_| Err::<u8, _>(Fault::Step), on(open, failure))]
fn errs_sync() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(first = |_| None, second = |_| Ok(None), on(open, failure))]
async fn all_decline() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(first = |_| None, on(open, failure))]
fn all_decline_sync() -> Answer {
    Err(Fault::Refused)
}

/// No step is for its failures.
#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(first = |_| None, second = |_| Some(2))]
async fn not_asked() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[retry(attempts = 2, min = "1s", jitter = 0.0)]
#[fallback(first = |_| None, on(failure))]
async fn after_attempts() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[retry(attempts = 2, min = "1s", jitter = 0.0)]
#[fallback(first = |_| None)]
async fn not_asked_after_attempts() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100, timeout = "2s")]
#[fallback(slow = |_| pending::<Option<u8>>().await, on(failure))]
async fn cut_off() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(first = |_| None, value(7), on(failure))]
async fn ends_in_a_value() -> Answer {
    Err(Fault::Refused)
}

struct Broken;

impl CacheStore<u8, u8> for Broken {
    type Error = Fault;

    async fn get(&self, _: &u8) -> Result<Option<breaker_core::Stored<u8>>, Fault> {
        Err(Fault::Step)
    }

    async fn put(&self, _: u8, _: breaker_core::Stored<u8>) -> Result<(), Fault> {
        Err(Fault::Step)
    }
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(l2 = cache(store = Broken, key = n), on(failure))]
async fn store_fails(n: u8) -> Answer {
    if n == 0 { Err(Fault::Refused) } else { Ok(n) }
}

#[circuit_breaker(name = "failing", fail_max = 100)]
#[fallback(l1 = cache(key = n), on(failure))]
fn cache_misses_sync(n: u8) -> Answer {
    if n == 0 { Err(Fault::Refused) } else { Ok(n) }
}

#[circuit_breaker(name = "failing_keys", key = host, fail_max = 100)]
#[fallback(first = |_| None, on(failure))]
async fn of_host(host: &str) -> Answer {
    Err(Fault::Refused)
}

struct Client;

#[circuit_breaker(name = "failing", fail_max = 100)]
impl Client {
    #[fallback(Self::cached, on(failure))]
    async fn get(&self) -> Result<u8, Fault> {
        Err(Fault::Refused)
    }
}

impl Client {
    fn cached(&self) -> Result<u8, Fault> {
        Err(Fault::Step)
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_gives_an_error_is_told_and_no_failure_of_the_breaker() {
    testing::isolated(async {
        let recording = testing::record();
        assert!(matches!(second_errs().await, Err(Fault::Step)));
        recording.assert(["failing: failure", "failing: fallback second failed"]);
        assert!(matches!(errs_sync(), Err(Fault::Step)));
        recording.assert(["failing: failure", "failing: fallback first failed"]);
        assert!(matches!(Client.get().await, Err(Fault::Step)));
        recording.assert(["failing: failure", "failing: fallback cached failed"]);
        let breaker = testing::breaker("failing");
        assert_eq!(breaker.snapshot().failure_count, 3, "the calls' own");
        breaker.force_open();
        assert!(matches!(second_errs().await, Err(Fault::Step)));
        recording.assert(["failing: closed -> forced_open", "failing: rejected", "failing: fallback second failed"]);
        assert_eq!(breaker.snapshot().failure_count, 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn steps_that_all_decline_are_told_once() {
    testing::isolated(async {
        let recording = testing::record();
        assert!(matches!(all_decline().await, Err(Fault::Refused)));
        recording.assert(["failing: failure", "failing: all fallbacks declined"]);
        assert!(matches!(all_decline_sync(), Err(Fault::Refused)));
        recording.assert(["failing: failure", "failing: all fallbacks declined"]);
        assert!(matches!(of_host("a").await, Err(Fault::Refused)));
        recording.assert(["failing_keys[a]: failure", "failing_keys[a]: all fallbacks declined"]);
        assert!(matches!(after_attempts().await, Err(Fault::Refused)));
        recording.assert([
            "failing: failure",
            "failing: retry 2",
            "failing: failure",
            "failing: all fallbacks declined",
        ]);
        assert!(matches!(cut_off().await, Err(Fault::Refused)));
        recording.assert(["failing: failure", "failing: fallback slow timed out", "failing: all fallbacks declined"]);
        assert!(matches!(store_fails(0).await, Err(Fault::Refused)));
        recording.assert(["failing: failure", "failing: store failure l2", "failing: all fallbacks declined"]);
        assert!(matches!(cache_misses_sync(0), Err(Fault::Refused)));
        recording.assert(["failing: failure", "failing: all fallbacks declined"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn steps_that_were_not_asked_have_not_failed() {
    testing::isolated(async {
        let recording = testing::record();
        assert!(matches!(not_asked().await, Err(Fault::Refused)));
        recording.assert(["failing: failure"]);
        assert!(matches!(not_asked_after_attempts().await, Err(Fault::Refused)));
        recording.assert(["failing: failure", "failing: retry 2", "failing: failure"]);
        assert!(matches!(ends_in_a_value().await, Ok(7)));
        recording.assert(["failing: failure", "failing: fallback value"]);
        assert!(matches!(cache_misses_sync(1), Ok(1)));
        recording.assert(["failing: success"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_hears_of_it_with_the_step_and_the_reason() {
    testing::isolated(async {
        let breaker = testing::breaker("failing");
        let mut events = breaker.subscribe();
        second_errs().await.unwrap_err();
        breaker.force_open();
        all_decline().await.unwrap_err();
        let mut told = Vec::new();
        while let Some(event) = events.try_recv() {
            if let Event::FallbackFailed { breaker, function, source, reason, .. } = event {
                told.push((breaker, function, source, reason));
            }
        }
        assert_eq!(
            told,
            [
                ("failing".to_owned(), Some("fallback_failed::second_errs"), Some("second"), "failure"),
                ("failing".to_owned(), Some("fallback_failed::all_decline"), None, "circuit_breaker_open"),
            ]
        );
    })
    .await;
}

#[track_caller]
fn value(recorder: &PrometheusRecorder, labels: &str) -> f64 {
    let text = recorder.handle().render();
    let series = format!("circuit_breaker_fallbacks_failed_total{{{labels}}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn metrics_count_what_failed_by_step_and_cause() {
    testing::isolated(async {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _installed = set_default_local_recorder(&recorder);
        Registry::global().export_metrics();
        second_errs().await.unwrap_err();
        second_errs().await.unwrap_err();
        all_decline().await.unwrap_err();
        tokio::time::timeout(secs(10), cut_off()).await.unwrap().unwrap_err();
        of_host("a").await.unwrap_err();
        assert_eq!(value(&recorder, r#"breaker="failing",source="second",cause="error""#), 2.0);
        assert_eq!(value(&recorder, r#"breaker="failing",source="slow",cause="cut_off""#), 1.0);
        assert_eq!(value(&recorder, r#"breaker="failing",source="all",cause="declined""#), 2.0);
        assert_eq!(value(&recorder, r#"breaker="failing_keys",source="all",cause="declined""#), 1.0);
        let text = recorder.handle().render();
        assert!(!text.contains("circuit_breaker_fallbacks_total{"), "nothing was served:\n{text}");
    })
    .await;
}

#[circuit_breaker(name = "panicking", fail_max = 100)]
#[fallback(first = |_| -> Option<u8> { panic!("a step") }, second = |_| Some(2), on(failure))]
async fn step_panics() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "panicking", fail_max = 100)]
#[fallback(first = |_| -> Option<u8> { panic!("a step") }, second = |_| Some(2), on(failure))]
fn step_panics_sync() -> Answer {
    Err(Fault::Refused)
}

#[tokio::test]
async fn a_panic_in_a_step_goes_to_the_caller_and_is_not_told() {
    testing::isolated(async {
        let recording = testing::record();
        tokio::spawn(step_panics()).await.unwrap_err();
        tokio::task::spawn_blocking(step_panics_sync).await.unwrap_err();
        recording.assert(["panicking: failure", "panicking: failure"]);
        assert_eq!(testing::breaker("panicking").snapshot().failure_count, 2, "of the calls, not of the steps");
    })
    .await;
}
