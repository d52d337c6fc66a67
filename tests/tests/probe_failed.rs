//! What is reported of each probe that failed, with the number of consecutive ones. A service can
//! then throw its connections away.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::ProbeFailed;
use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, Event, Listener, OnCancel, Registry, State, circuit_breaker,
    guard_stream_with, presets, testing,
};
use common::{breaker, fail, ms, secs, succeed};
use futures_util::future::pending;
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::time::advance;

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Told {
    fn wants_calls(&self) -> bool {
        false
    }

    fn on_probe_failed(&self, event: &ProbeFailed<'_>) {
        let error = event.error.map_or(event.error_type.to_owned(), ToString::to_string);
        self.0.lock().unwrap().push(format!("{} {}: {error}", event.breaker.name(), event.consecutive));
    }
}

fn told(breaker: &CircuitBreaker) -> Told {
    let told = Told::default();
    breaker.add_listener(told.clone());
    told
}

fn settings() -> Config {
    Config::new().fail_max(2).recovery_timeout(secs(10)).success_threshold(2)
}

#[tokio::test(start_paused = true)]
async fn the_row_goes_on_over_openings_and_ends_with_a_success() {
    let breaker = breaker(settings());
    let told = told(&breaker);
    fail(&breaker, 2);
    assert_eq!(told.take(), [""; 0], "no probes");
    for _ in 0..3 {
        advance(secs(10)).await;
        breaker.call_sync_classified(|| Err::<(), _>("refused"), presets::errors).unwrap_err();
        assert_eq!(breaker.state(), State::Open);
    }
    assert_eq!(told.take(), ["test 1: refused", "test 2: refused", "test 3: refused"]);
    advance(secs(10)).await;
    succeed(&breaker, 1);
    fail(&breaker, 1);
    assert_eq!(told.take(), ["test 1: &str"]);
    advance(secs(10)).await;
    fail(&breaker, 1);
    assert_eq!(told.take(), ["test 2: &str"]);
    breaker.reset();
    fail(&breaker, 2);
    advance(secs(10)).await;
    fail(&breaker, 1);
    assert_eq!(told.take(), ["test 1: &str"], "another outage");
}

#[tokio::test(start_paused = true)]
async fn each_way_in_which_a_probe_fails_is_told() {
    let breaker = breaker(settings().timeout(secs(1)).on_cancel(OnCancel::Failure));
    let told = told(&breaker);
    fail(&breaker, 2);
    advance(secs(10)).await;
    breaker.call(pending::<Result<(), &str>>()).await.unwrap_err();
    advance(secs(10)).await;
    drop(breaker.call(pending::<Result<(), &str>>()).now_or_never());
    advance(secs(10)).await;
    let stream = guard_stream_with(
        breaker.try_acquire().unwrap(),
        iter([Err::<(), _>(std::io::Error::other("broke off"))]),
        presets::errors,
    );
    drop(stream.collect::<Vec<_>>().await);
    advance(secs(10)).await;
    let panics = std::panic::AssertUnwindSafe(|| breaker.call_sync(|| -> Result<(), &str> { panic!("boom") }));
    assert!(std::panic::catch_unwind(panics).is_err());
    assert_eq!(
        told.take(),
        [
            "test 1: timed out after 1s",
            "test 2: the call was dropped before it had a result",
            "test 3: broke off",
            "test 4: the call panicked"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn late_results_and_ignored_ones_are_not_told() {
    let breaker = breaker(settings());
    let told = told(&breaker);
    let late = breaker.try_acquire().unwrap();
    fail(&breaker, 2);
    advance(secs(10)).await;
    let probe = breaker.try_acquire().unwrap();
    late.failure();
    probe.ignore();
    assert_eq!(told.take(), [""; 0]);
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(name = "probed", key = host, fail_max = 1, recovery_timeout = "10s")]
async fn probed(host: &str) -> Result<(), Fault> {
    let _ = host;
    Err(Fault::Refused)
}

#[tokio::test(start_paused = true)]
async fn an_annotated_function_tells_for_each_value_of_its_key() {
    testing::isolated(async {
        let told = Told::default();
        Registry::global().add_listener(told.clone());
        for _ in 0..3 {
            for host in ["a", "b"] {
                probed(host).await.unwrap_err();
            }
            advance(secs(10) + ms(1)).await;
        }
        assert_eq!(
            told.take(),
            ["probed[a] 1: refused", "probed[b] 1: refused", "probed[a] 2: refused", "probed[b] 2: refused"]
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_has_the_event() {
    let breaker = breaker(settings());
    fail(&breaker, 2);
    let mut events = breaker.subscribe();
    advance(secs(10)).await;
    breaker.call_sync_classified(|| Err::<(), _>("refused"), presets::errors).unwrap_err();
    let mut found = None;
    while let Some(event) = events.try_recv() {
        if let Event::ProbeFailed { breaker, error, consecutive, .. } = event {
            found = Some((breaker, error, consecutive));
        }
    }
    assert_eq!(found, Some(("test".to_owned(), Some("refused".to_owned()), 1)));
}
