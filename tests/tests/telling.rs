//! Telling: snapshots, health, listeners, subscriptions, waiting.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::{BeforeCall, Cancelled, Failure, FallbackServed, Rejected, StateChange, Success};
use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, Event, Listener, Registry, State, Status, circuit_breaker, testing,
};
use common::{breaker, fail, ms, open, secs, succeed};
use futures_util::{FutureExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::time::advance;

#[tokio::test(start_paused = true)]
async fn health_has_the_promised_shape() {
    let registry = Registry::new();
    let none: [(&str, &str); 0] = [];
    registry.load_env_from(none).unwrap();
    let breaker = registry.breaker("redis_cache", Config::new().fail_max(5).recovery_timeout(secs(30))).unwrap();
    succeed(&breaker, 42);
    let json = serde_json::to_value(registry.health()).unwrap();
    assert_eq!((&json["status"], &json["critical_circuits_open"]), (&"healthy".into(), &serde_json::json!([])));
    let time = json["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() >= 20, "{time}");
    let shown = &json["circuit_breakers"]["redis_cache"];
    for (key, value) in [
        ("name", serde_json::json!("redis_cache")),
        ("state", "closed".into()),
        ("healthy", true.into()),
        ("enabled", true.into()),
        ("failure_count", 0.into()),
        ("success_count", 42.into()),
        ("rejected_count", 0.into()),
        ("ignored_count", 0.into()),
        ("cancelled_count", 0.into()),
        ("consecutive_failures", 0.into()),
        ("last_failure_time", serde_json::Value::Null),
        ("last_error", serde_json::Value::Null),
        ("opened_because", serde_json::Value::Null),
        ("retry_after_ms", serde_json::Value::Null),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert!(shown["state_changed_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(shown["config"]["fail_max"], 5);
    assert_eq!(shown["config"]["recovery_timeout_ms"], 30_000);
    assert_eq!(shown["config"]["half_open_max_calls"], 1);

    open(&breaker);
    let shown = serde_json::to_value(breaker.snapshot()).unwrap();
    assert_eq!((&shown["state"], &shown["healthy"]), (&"open".into(), &false.into()));
    assert_eq!(shown["retry_after_ms"], 30_000);
    assert_eq!(shown["last_error"]["type"], "&str");
    assert!(shown["last_failure_time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(start_paused = true)]
async fn health_is_degraded_while_a_critical_breaker_is_open_forced_open_or_half_open() {
    let registry = Registry::new();
    let critical = registry.breaker("critical", Config::new().critical(true).recovery_timeout(secs(10))).unwrap();
    let other = registry.breaker("other", Config::new()).unwrap();
    other.force_open();
    assert_eq!(registry.health().status, Status::Healthy);
    open(&critical);
    let degraded = || {
        let health = registry.health();
        (health.status == Status::Degraded, health.critical_circuits_open)
    };
    assert_eq!(degraded(), (true, vec!["critical".to_owned()]));
    advance(secs(10)).await;
    assert_eq!((critical.state(), degraded().0), (State::HalfOpen, true));
    critical.force_open();
    assert!(degraded().0);
    for healthy in [CircuitBreaker::disable, CircuitBreaker::shadow, CircuitBreaker::reset] {
        healthy(&critical);
        assert_eq!(degraded(), (false, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn last_error_holds_the_first_failure_of_a_run_and_the_one_that_tripped() {
    let breaker = breaker(Config::new().fail_max(3));
    let kind = || breaker.snapshot().last_error.unwrap().kind;
    let _ = breaker.call_sync(|| Err::<(), u8>(1));
    let _ = breaker.call_sync(|| Err::<(), u16>(1));
    assert_eq!(kind(), "u8");
    let _ = breaker.call_sync(|| Err::<(), u32>(1));
    assert_eq!(kind(), "u32");
}

#[test]
fn totals_are_exact_under_threads() {
    let breaker = breaker(Config::new().fail_max(u32::MAX));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let breaker = &breaker;
            scope.spawn(move || {
                for call in 0..5_000 {
                    match (thread + call) % 4 {
                        0 => fail(breaker, 1),
                        1 => breaker.try_acquire().unwrap().ignore(),
                        2 => drop(breaker.try_acquire().unwrap()),
                        _ => succeed(breaker, 1),
                    }
                }
            });
        }
    });
    let snapshot = breaker.snapshot();
    let counts = [snapshot.failure_count, snapshot.ignored_count, snapshot.cancelled_count, snapshot.success_count];
    assert_eq!(counts, [5_000; 4]);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Listener for Lines {
    fn on_success(&self, event: &Success<'_>) {
        self.0.lock().unwrap().push(format!("{} success {:?}", event.breaker.name(), event.elapsed));
    }

    fn on_failure(&self, event: &Failure<'_>) {
        let n = event.consecutive_failures;
        self.0.lock().unwrap().push(format!("{} failure {} {n}", event.breaker.name(), event.error_type));
    }

    fn on_rejected(&self, event: &Rejected<'_>) {
        self.0.lock().unwrap().push(format!("{} rejected {:?}", event.breaker.name(), event.retry_after));
    }
}

#[circuit_breaker(name = "told")]
async fn told() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_of_an_annotated_function_is_told() {
    testing::isolated(async {
        let (breaker, lines) = (testing::breaker("told"), Lines::default());
        breaker.add_listener(lines.clone());
        testing::open(&breaker);
        lines.0.lock().unwrap().clear();
        told().await.unwrap_err();
        assert_eq!(*lines.0.lock().unwrap(), ["told rejected Some(30s)"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn listeners_of_a_registry_hear_of_present_and_future_breakers() {
    let registry = Registry::new();
    let present = registry.breaker("present", Config::new().fail_max(1)).unwrap();
    let lines = Lines::default();
    registry.add_listener(lines.clone());
    let future = registry.breaker("future", Config::new()).unwrap();
    let slow = async {
        tokio::time::sleep(ms(250)).await;
        Ok::<_, ()>(())
    };
    future.call(slow).await.unwrap();
    fail(&present, 1);
    present.try_acquire().unwrap_err();
    assert_eq!(
        *lines.0.lock().unwrap(),
        ["future success Some(250ms)", "present failure &str 1", "present rejected Some(30s)"]
    );
}

#[test]
fn a_channel_takes_any_capacity() {
    for capacity in [0, usize::MAX] {
        let (listener, mut events) = breaker_core::event_channel(capacity);
        let breaker = breaker(Config::new());
        breaker.add_listener(listener);
        breaker.trip();
        assert!(events.try_recv().is_some(), "{capacity}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_a_bounded_stream_that_ends_when_it_is_dropped() {
    let breaker = breaker(Config::new().fail_max(1));
    let mut events = breaker.subscribe();
    fail(&breaker, 1);
    assert!(matches!(events.next().await, Some(Event::Failure { error_type: "&str", .. })));
    let Some(Event::StateChange { old, new, opened_because, .. }) = events.recv().await else { panic!() };
    assert_eq!((old, new), (State::Closed, State::Open));
    assert_eq!(opened_because.unwrap(), "1 failure, last: &str");
    for _ in 0..2_000 {
        breaker.try_acquire().unwrap_err();
    }
    assert_eq!(events.dropped(), 2_000 - 1_024);
    drop(events);
    let (forward, mut events) = breaker_core::event_channel(4);
    breaker.add_listener(forward);
    breaker.reset();
    assert!(matches!(events.try_recv(), Some(Event::StateChange { reset: true, .. })));
}

#[tokio::test(start_paused = true)]
async fn ready_waits_until_a_call_would_be_admitted() {
    let breaker = breaker(Config::new().fail_max(1).recovery_timeout(secs(30)));
    breaker.ready().await;
    fail(&breaker, 1);
    let started = tokio::time::Instant::now();
    breaker.ready().await;
    assert!((secs(30)..secs(30) + ms(2)).contains(&started.elapsed()), "{:?}", started.elapsed());
    let probe = breaker.try_acquire().unwrap();
    let mut waiting = Box::pin(breaker.ready());
    assert!(waiting.as_mut().now_or_never().is_none());
    probe.success();
    waiting.await;
    breaker.force_open();
    let mut waiting = Box::pin(breaker.ready());
    assert!(waiting.as_mut().now_or_never().is_none());
    breaker.clear_override();
    waiting.await;
}

#[test]
fn errors_and_handles_go_wherever_an_error_may_go() {
    fn everywhere<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    everywhere::<CircuitBreakerError>();
    everywhere::<CircuitBreaker>();
    assert!(size_of::<CircuitBreakerError>() <= 64);
}

#[test]
fn the_text_of_an_error_is_kept_to_256_bytes_and_a_panicking_display_harms_nothing() {
    #[breaker_core::circuit_breaker(name = "texts", fail_max = 1)]
    fn texts(error: Texts) -> Result<(), Texts> {
        Err(error)
    }
    let breaker = Registry::global().get("texts").unwrap();
    let message = || breaker.snapshot().last_error.unwrap().message.unwrap();
    texts(Texts::Long).unwrap_err();
    assert_eq!(message(), "ü".repeat(128));
    breaker.reset();
    texts(Texts::Panics).unwrap_err();
    assert_eq!(message(), "(the error's Display panicked)");
}

#[derive(Debug)]
enum Texts {
    Long,
    Panics,
    Open,
}

impl From<CircuitBreakerError> for Texts {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

impl std::fmt::Display for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Long => f.write_str(&"ü".repeat(1_000)),
            _ => panic!("as planned"),
        }
    }
}

/// Observes changes only, but would write down everything.
#[derive(Default)]
struct Changes(Mutex<Vec<String>>);

impl Changes {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }
}

impl Listener for Changes {
    fn wants_calls(&self) -> bool {
        false
    }

    fn on_call(&self, _: &BeforeCall<'_>) {
        self.write("before");
    }

    fn on_success(&self, _: &Success<'_>) {
        self.write("success");
    }

    fn on_failure(&self, _: &Failure<'_>) {
        self.write("failure");
    }

    fn on_cancelled(&self, _: &Cancelled<'_>) {
        self.write("cancelled");
    }

    fn on_rejected(&self, _: &Rejected<'_>) {
        self.write("rejected");
    }

    fn on_fallback(&self, event: &FallbackServed<'_>) {
        self.write(format!("fallback {}", event.source));
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        self.write(format!("{} {} -> {}", event.breaker.name(), event.old, event.new));
    }
}

#[circuit_breaker(name = "hears_no_calls", fail_max = 1, include(CircuitBreakerError))]
#[breaker_core::fallback(spare = value(7))]
async fn with_spare(fails: bool) -> Result<u8, CircuitBreakerError> {
    if fails {
        Err(CircuitBreaker::new("other", Config::new())
            .map(|other| {
                other.force_open();
                other.try_acquire().unwrap_err()
            })
            .unwrap())
    } else {
        Ok(1)
    }
}

/// What fallbacks serve and how states change is reported also to a listener that does not want
/// calls, whichever others there are.
#[tokio::test]
async fn a_listener_that_hears_no_calls_is_told_of_changes_and_fallbacks_only() {
    testing::isolated(async {
        let changes = Arc::new(Changes::default());
        Registry::global().add_listener(Arc::clone(&changes));
        assert_eq!(with_spare(false).await.unwrap(), 1);
        assert!(with_spare(true).await.is_err());
        assert_eq!(with_spare(false).await.unwrap(), 7);
        let told = ["hears_no_calls closed -> open", "fallback spare"];
        assert_eq!(*changes.0.lock().unwrap(), told);
        let breaker = testing::breaker("hears_no_calls");
        let all = Lines::default();
        breaker.add_listener(all.clone());
        breaker.reset();
        assert_eq!(with_spare(false).await.unwrap(), 1);
        drop(breaker.try_acquire().unwrap());
        assert_eq!(all.0.lock().unwrap().len(), 1, "the other one hears of the success");
        assert_eq!(
            changes.0.lock().unwrap().len(),
            3,
            "and this one of the reset: {changes:?}",
            changes = changes.0.lock()
        );
    })
    .await;
}
