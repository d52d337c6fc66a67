//! Annotated functions whose success is counted in a window, with its time, or by a meter. Their
//! calls are ready at once, wait, fail, panic or contain others.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry, State, circuit_breaker};
use common::{ms, secs};
use futures_util::FutureExt as _;
use metrics::set_default_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{advance, sleep};

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Rejected(#[from] CircuitBreakerError),
    #[error("failed")]
    Failed,
}

/// How a body ends.
#[derive(Clone, Copy)]
enum Body {
    Ok,
    Err,
    Panic,
    OkAfter(Duration),
}

impl Body {
    async fn run(self) -> Result<(), Problem> {
        match self {
            Self::Ok => Ok(()),
            Self::Err => Err(Problem::Failed),
            Self::Panic => panic!("a body"),
            Self::OkAfter(time) => {
                sleep(time).await;
                Ok(())
            }
        }
    }
}

/// The breaker of a function that has been called.
fn of(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap()
}

/// Calls, failures and slow calls in the window of this breaker.
fn in_window(name: &str) -> [u64; 3] {
    let window = of(name).snapshot().window.unwrap();
    [window.calls, window.failures, window.slow]
}

#[circuit_breaker(name = "counted_calls", fail_max = 3, failure_rate = 1.0, window = 4, min_calls = 4)]
async fn over_calls(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[tokio::test(start_paused = true)]
async fn a_window_of_calls_has_the_last_calls_and_a_success_ends_the_streak() {
    for _ in 0..10 {
        over_calls(Body::Ok).await.unwrap();
    }
    assert_eq!(in_window("counted_calls"), [4, 0, 0]);
    for _ in 0..2 {
        over_calls(Body::Err).await.unwrap_err();
    }
    assert_eq!((in_window("counted_calls"), of("counted_calls").snapshot().consecutive_failures), ([4, 2, 0], 2));
    over_calls(Body::Ok).await.unwrap();
    assert_eq!((in_window("counted_calls"), of("counted_calls").snapshot().consecutive_failures), ([4, 2, 0], 0));
    for _ in 0..2 {
        over_calls(Body::Err).await.unwrap_err();
    }
    assert_eq!(of("counted_calls").state(), State::Closed, "no three in a row");
    for (failures, body) in [(2, Body::OkAfter(secs(1))), (2, Body::Ok), (1, Body::Ok), (0, Body::Ok), (0, Body::Ok)] {
        over_calls(body).await.unwrap();
        assert_eq!(in_window("counted_calls"), [4, failures, 0]);
    }
    let shown = of("counted_calls").snapshot();
    assert_eq!((shown.success_count, shown.failure_count), (16, 4));
}

#[circuit_breaker(name = "counted_time", failure_rate = 0.5, window = "60s", min_calls = 4)]
async fn over_time(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[tokio::test(start_paused = true)]
async fn a_window_of_time_loses_calls_by_their_age_and_a_success_can_open_it() {
    for _ in 0..6 {
        over_time(Body::Ok).await.unwrap();
        advance(secs(10)).await;
    }
    assert_eq!(in_window("counted_time"), [5, 0, 0], "the first one is a minute old");
    advance(secs(60)).await;
    for _ in 0..2 {
        over_time(Body::Err).await.unwrap_err();
    }
    over_time(Body::Ok).await.unwrap();
    assert_eq!((in_window("counted_time"), of("counted_time").state()), ([3, 2, 0], State::Closed));
    over_time(Body::Ok).await.unwrap();
    assert_eq!(of("counted_time").state(), State::Open, "two of four, once there are four");
}

#[circuit_breaker(name = "counted_slow", slow_call_duration = "1s", slow_call_rate = 1.0, window = 100, fail_max = 100)]
async fn slow(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[tokio::test(start_paused = true)]
async fn a_call_has_its_time_whether_it_waits_fails_or_panics_and_is_in_flight_no_longer() {
    slow(Body::Ok).await.unwrap();
    slow(Body::OkAfter(ms(900))).await.unwrap();
    slow(Body::OkAfter(ms(1100))).await.unwrap();
    slow(Body::Err).await.unwrap_err();
    let panicked = AssertUnwindSafe(slow(Body::Panic)).catch_unwind().await;
    panicked.unwrap_err();
    drop(slow(Body::OkAfter(secs(9))).now_or_never());
    assert_eq!(in_window("counted_slow"), [5, 2, 1]);
    // If one of them were in flight, it would be slow by now.
    let breaker = of("counted_slow");
    breaker.reconfigure(Config::new().min_calls(1)).unwrap();
    for body in [Body::Ok, Body::Err, Body::OkAfter(ms(10))] {
        _ = slow(body).await;
        _ = AssertUnwindSafe(slow(Body::Panic)).catch_unwind().await;
        drop(slow(Body::OkAfter(secs(9))).now_or_never());
        advance(secs(2)).await;
        slow(Body::Ok).await.unwrap();
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[circuit_breaker(name = "counted_hangs", slow_call_duration = "1s", slow_call_rate = 0.5, window = 8, min_calls = 2)]
async fn hangs(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_is_in_flight_from_its_first_poll() {
    hangs(Body::Ok).await.unwrap();
    let others = async {
        sleep(ms(1100)).await;
        hangs(Body::Ok).await
    };
    let (first, second, found) = tokio::join!(hangs(Body::OkAfter(secs(2))), hangs(Body::OkAfter(secs(2))), others);
    assert!(matches!(found, Err(Problem::Rejected(_))), "two of three are slow");
    first.and(second).unwrap();
}

#[circuit_breaker(name = "counted_around", slow_call_duration = "1s", slow_call_rate = 1.0, window = 8, min_calls = 8)]
async fn around(inner: Body) -> Result<(), Problem> {
    within(inner).await
}

#[circuit_breaker(name = "counted_around")]
async fn within(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_another_is_counted_once() {
    around(Body::Ok).await.unwrap();
    around(Body::OkAfter(ms(1500))).await.unwrap();
    around(Body::Err).await.unwrap_err();
    assert_eq!(in_window("counted_around"), [3, 1, 1]);
    let shown = of("counted_around").snapshot();
    assert_eq!((shown.success_count, shown.failure_count), (2, 1));
}

#[circuit_breaker(name = "counted_metered", fail_max = 100)]
async fn metered(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[circuit_breaker(
    name = "counted_all",
    failure_rate = 1.0,
    slow_call_duration = "1s",
    slow_call_rate = 1.0,
    window = "60s",
    fail_max = 100
)]
async fn all(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[tokio::test(start_paused = true)]
async fn a_meter_has_each_call_at_once_with_its_time() {
    let recorder = PrometheusBuilder::new().set_buckets(&[0.01, 1.0, 60.0]).unwrap().build_recorder();
    let _installed = set_default_local_recorder(&recorder);
    for name in ["counted_metered", "counted_all"] {
        of(name).export_metrics();
    }
    let series = |series: &str| {
        let text = recorder.handle().render();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("circuit_breaker_{series} ")));
        line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse::<f64>().unwrap()
    };
    for _ in 0..3 {
        metered(Body::Ok).await.unwrap();
        all(Body::Ok).await.unwrap();
    }
    for name in ["counted_metered", "counted_all"] {
        let calls = |outcome: &str| series(&format!(r#"calls_total{{breaker="{name}",outcome="{outcome}"}}"#));
        assert_eq!(calls("success"), 3.0, "at once");
        for body in [Body::OkAfter(ms(500)), Body::OkAfter(ms(500)), Body::Err] {
            _ = if name == "counted_all" { all(body).await } else { metered(body).await };
        }
        assert_eq!((calls("success"), calls("failure")), (5.0, 1.0));
        of(name).refresh_metrics();
        let durations = |what: &str| series(&format!(r#"call_duration_seconds_{what}{{breaker="{name}"}}"#));
        assert_eq!((durations("count"), durations("sum")), (6.0, 1.0));
        assert_eq!(of(name).snapshot().success_count, 5);
    }
    assert_eq!(in_window("counted_all"), [6, 1, 0]);
}

#[circuit_breaker(name = "counted_threads_calls", failure_rate = 1.0, fail_max = 4_000_000, window = 100_000)]
async fn threads_over_calls(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[circuit_breaker(name = "counted_threads_time", failure_rate = 1.0, fail_max = 4_000_000, window = "1d")]
async fn threads_over_time(body: Body) -> Result<(), Problem> {
    body.run().await
}

#[test]
fn threads_that_call_at_once_lose_no_success_and_no_failure() {
    const EACH: u64 = 5_000;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for call in 0..EACH {
                    let body = if (call + thread) % 5 == 0 { Body::Err } else { Body::Ok };
                    _ = threads_over_calls(body).now_or_never().unwrap();
                    _ = threads_over_time(body).now_or_never().unwrap();
                }
            });
        }
    });
    for name in ["counted_threads_calls", "counted_threads_time"] {
        assert_eq!(in_window(name), [4 * EACH, 4 * EACH / 5, 0], "{name}");
        let shown = of(name).snapshot();
        assert_eq!((shown.success_count, shown.failure_count), (4 * EACH / 5 * 4, 4 * EACH / 5));
    }
}
