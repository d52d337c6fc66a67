//! What a recorder of the facade `metrics` gets.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::metrics::NAMES;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, circuit_breaker, fallback, testing};
use common::{fail, ms, open, secs, succeed};
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, set_default_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::advance;

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(name = "hosts", key = host, fail_max = 2)]
async fn fetch(host: &str, up: bool) -> Result<u8, FetchError> {
    if up { Ok(1) } else { Err(FetchError::Refused) }
}

#[circuit_breaker(name = "answers", fail_max = 1, critical = true)]
#[fallback(l1_cache = |_| Some(7))]
async fn answer(up: bool) -> Result<u8, FetchError> {
    if up { Ok(1) } else { Err(FetchError::Refused) }
}

#[circuit_breaker(name = "unanswered")]
#[fallback(l1_cache = |_| None, on(failure))]
async fn unanswered() -> Result<u8, FetchError> {
    Err(FetchError::Refused)
}

fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().set_buckets(&breaker_core::metrics::DURATION_BUCKETS).unwrap().build_recorder()
}

/// A breaker whose metrics are exported.
fn exported(name: &str, config: Config) -> CircuitBreaker {
    let breaker = CircuitBreaker::new(name, config).unwrap();
    breaker.export_metrics();
    breaker
}

/// The value of a series, as it is written.
#[track_caller]
fn value(recorder: &PrometheusRecorder, series: &str) -> f64 {
    let text = recorder.handle().render();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn a_breaker_without_a_call_has_its_series_with_zeros() {
    testing::isolated(async {
        let recorder = recorder();
        let _installed = set_default_local_recorder(&recorder);
        Registry::global().export_metrics();
        Registry::global().refresh_metrics();
        for name in [
            "state",
            "critical",
            "members_unhealthy",
            "failures_total",
            "rejected_total",
            "openings_total",
            "outages_total",
        ] {
            assert_eq!(value(&recorder, &format!(r#"circuit_breaker_{name}{{breaker="hosts"}}"#)), 0.0, "{name}");
        }
        for outcome in ["success", "failure", "ignored", "cancelled", "rejected"] {
            let series = format!(r#"circuit_breaker_calls_total{{breaker="hosts",outcome="{outcome}"}}"#);
            assert_eq!(value(&recorder, &series), 0.0);
        }
        assert_eq!(value(&recorder, r#"circuit_breaker_call_duration_seconds_count{breaker="hosts"}"#), 0.0);
        assert_eq!(value(&recorder, r#"circuit_breaker_critical{breaker="answers"}"#), 1.0);
        // A breaker that is created later is exported too.
        Registry::global().breaker("later", Config::new()).unwrap();
        Registry::global().refresh_metrics();
        assert_eq!(value(&recorder, r#"circuit_breaker_state{breaker="later"}"#), 0.0);
        answer(false).await.unwrap_err();
        assert_eq!(answer(true).await.unwrap(), 7);
        assert_eq!(value(&recorder, r#"circuit_breaker_fallbacks_total{breaker="answers",source="l1_cache"}"#), 1.0);
        unanswered().await.unwrap_err();
        let text = recorder.handle().render();
        for name in NAMES {
            assert!(text.contains(&format!("# HELP {name} ")), "{name} is described in\n{text}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_call_is_counted_by_its_outcome_and_reset_takes_nothing_back() {
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    let breaker = exported("b", Config::new().fail_max(3).recovery_timeout(secs(30)));
    succeed(&breaker, 4);
    breaker.try_acquire().unwrap().ignore();
    drop(breaker.try_acquire().unwrap());
    fail(&breaker, 3);
    breaker.try_acquire().unwrap_err();
    breaker.reset();
    let calls =
        |outcome| value(&recorder, &format!(r#"circuit_breaker_calls_total{{breaker="b",outcome="{outcome}"}}"#));
    let counted = ["success", "failure", "ignored", "cancelled", "rejected"].map(calls);
    assert_eq!(counted, [4.0, 3.0, 1.0, 1.0, 1.0]);
    for (name, count) in [("failures", 3.0), ("rejected", 1.0), ("openings", 1.0)] {
        assert_eq!(value(&recorder, &format!(r#"circuit_breaker_{name}_total{{breaker="b"}}"#)), count, "{name}");
    }
    assert_eq!(breaker.snapshot().success_count, 0);
}

#[tokio::test(start_paused = true)]
async fn the_state_is_what_state_says_when_the_metrics_are_read() {
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    let breaker = exported("b", Config::new().recovery_timeout(secs(30)));
    let state = || value(&recorder, r#"circuit_breaker_state{breaker="b"}"#);
    open(&breaker);
    assert_eq!(state(), 1.0, "at once");
    advance(secs(30)).await;
    assert_eq!(state(), 1.0, "nobody has looked");
    breaker.refresh_metrics();
    assert_eq!(state(), 2.0);
    succeed(&breaker, 1);
    assert_eq!(state(), 0.0);
    for (steer, number) in
        [(CircuitBreaker::force_open as fn(&_), 1.0), (CircuitBreaker::shadow, 0.0), (CircuitBreaker::disable, 0.0)]
    {
        steer(&breaker);
        assert_eq!(state(), number, "{:?}", breaker.state());
    }
    assert_eq!(value(&recorder, r#"circuit_breaker_openings_total{breaker="b"}"#), 2.0, "by a rule and by hand");
}

/// Else an outage that does not recover looks like a breaker that opens and closes.
#[tokio::test(start_paused = true)]
async fn an_outage_counts_once_however_many_recoveries_fail() {
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    let breaker = exported("b", Config::new().recovery_timeout(secs(30)));
    let counts = || {
        let count = |name| value(&recorder, &format!(r#"circuit_breaker_{name}_total{{breaker="b"}}"#));
        ["openings", "outages"].map(count)
    };
    open(&breaker);
    assert_eq!(counts(), [1.0, 1.0]);
    for failed in 1..=20_u8 {
        advance(secs(30)).await;
        fail(&breaker, 1);
        assert_eq!(counts(), [f64::from(failed) + 1.0, 1.0]);
    }
    advance(secs(30)).await;
    succeed(&breaker, 1);
    open(&breaker);
    assert_eq!(counts(), [22.0, 2.0], "it had recovered");
    breaker.reset();
    breaker.force_open();
    assert_eq!(counts(), [23.0, 2.0], "by hand it is none");
    breaker.clear_override();
    breaker.shadow();
    fail(&breaker, 10);
    assert_eq!(counts(), [23.0, 2.0], "in shadow it has not opened");
}

#[tokio::test(start_paused = true)]
async fn what_would_have_happened_in_shadow_is_not_counted() {
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    let breaker = exported("b", Config::new().fail_max(1));
    breaker.shadow();
    fail(&breaker, 2);
    assert_eq!(value(&recorder, r#"circuit_breaker_openings_total{breaker="b"}"#), 0.0);
    assert_eq!(value(&recorder, r#"circuit_breaker_rejected_total{breaker="b"}"#), 0.0);
    assert_eq!(value(&recorder, r#"circuit_breaker_failures_total{breaker="b"}"#), 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_comes_later_is_found() {
    let breaker = exported("b", Config::new());
    succeed(&breaker, 2);
    breaker.refresh_metrics();
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    succeed(&breaker, 3);
    assert_eq!(value(&recorder, r#"circuit_breaker_calls_total{breaker="b",outcome="success"}"#), 3.0);
}

/// Counts what it is asked for.
#[derive(Default)]
struct Asked(AtomicUsize);

impl Asked {
    fn so_far(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Recorder for Asked {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.fetch_add(1, Ordering::Relaxed);
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.fetch_add(1, Ordering::Relaxed);
        Histogram::noop()
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_is_asked_once_for_each_series() {
    testing::isolated(async {
        let recorder = Asked::default();
        let _installed = set_default_local_recorder(&recorder);
        // Twice is no more than once.
        Registry::global().export_metrics();
        Registry::global().export_metrics();
        answer(false).await.unwrap_err();
        answer(true).await.unwrap();
        let once = recorder.so_far();
        assert_eq!(once, 15, "14 and a fallback's source");
        for _ in 0..100 {
            answer(true).await.unwrap();
            testing::breaker("answers").refresh_metrics();
        }
        assert_eq!(recorder.so_far(), once);
        for host in 0..100 {
            fetch(&format!("host-{host}"), true).await.unwrap();
        }
        assert_eq!(recorder.so_far(), once + 14, "all hosts together");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_breakers_of_a_key_are_counted_together() {
    testing::isolated(async {
        let recorder = recorder();
        let _installed = set_default_local_recorder(&recorder);
        // Some are there before, with a rest of their own and without one.
        for (host, up) in [("a", true), ("b", false)] {
            _ = fetch(host, up).await;
        }
        Registry::global().export_metrics();
        for (host, up) in [("a", true), ("b", false), ("b", true), ("c", true), ("d", false), ("d", false)] {
            _ = fetch(host, up).await;
        }
        let calls = |outcome| {
            value(&recorder, &format!(r#"circuit_breaker_calls_total{{breaker="hosts",outcome="{outcome}"}}"#))
        };
        assert_eq!(["success", "failure", "rejected"].map(calls), [2.0, 3.0, 1.0]);
        let gauge = |name: &str| value(&recorder, &format!(r#"circuit_breaker_{name}{{breaker="hosts"}}"#));
        assert_eq!((gauge("openings_total"), gauge("outages_total")), (2.0, 2.0));
        assert_eq!(gauge("state"), 1.0, "before anybody asks");
        Registry::global().refresh_metrics();
        assert_eq!((gauge("state"), gauge("members_unhealthy")), (1.0, 2.0));
        advance(secs(30)).await;
        Registry::global().refresh_metrics();
        assert_eq!((gauge("state"), gauge("members_unhealthy")), (2.0, 2.0));
        for host in ["b", "d"] {
            fetch(host, true).await.unwrap();
        }
        Registry::global().refresh_metrics();
        assert_eq!((gauge("state"), gauge("members_unhealthy")), (0.0, 0.0));
        assert!(!recorder.handle().render().contains("hosts["), "no value is in a label");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn durations_are_in_their_buckets_and_their_sum_is_exact() {
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    let breaker = exported("b", Config::new().slow_call_duration(secs(1)).slow_call_rate(1.0));
    for (micros, times) in [(20, 3), (24, 1), (400, 2), (2_000, 5), (70_000_000, 1)] {
        for _ in 0..times {
            let permit = breaker.try_acquire().unwrap();
            advance(ms(1) * micros / 1_000).await;
            permit.success();
        }
    }
    let bucket = |end: &str| {
        value(&recorder, &format!(r#"circuit_breaker_call_duration_seconds_bucket{{breaker="b",le="{end}"}}"#))
    };
    assert_eq!((bucket("0.001"), bucket("0.0025")), (0.0, 5.0), "the short ones wait");
    breaker.refresh_metrics();
    let ends = ["0.00001", "0.000025", "0.00025", "0.0005", "0.001", "0.0025", "60", "+Inf"].map(bucket);
    assert_eq!(ends, [0.0, 4.0, 4.0, 6.0, 6.0, 11.0, 11.0, 12.0]);
    let sum = value(&recorder, r#"circuit_breaker_call_duration_seconds_sum{breaker="b"}"#);
    assert!((sum - 70.010_884).abs() < 1e-9, "{sum}");
}

#[test]
fn what_could_pass_for_something_else_is_written_out_in_a_label() {
    let recorder = recorder();
    let _installed = set_default_local_recorder(&recorder);
    let breaker = exported("line\n\u{202e}evil\u{2028}", Config::new());
    breaker.refresh_metrics();
    // The exporter escapes the backslash.
    assert_eq!(value(&recorder, r#"circuit_breaker_state{breaker="line\\u{a}\\u{202e}evil\\u{2028}"}"#), 0.0);
}
