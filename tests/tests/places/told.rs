//! What is reported of a call that finds no place: to listeners, in events, metrics, snapshots and
//! the log.

use crate::common::log::Log;
use crate::common::{breaker, secs};
use breaker_core::event::{Busy, Listener, Rejected};
use breaker_core::{CircuitBreakerError, Config, Event, Registry, circuit_breaker, testing};
use futures_util::FutureExt as _;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Clone, Default)]
struct Counts(Arc<[AtomicU32; 2]>);

impl Listener for Counts {
    fn on_busy(&self, event: &Busy<'_>) {
        assert_eq!((event.breaker.name(), event.function, event.max_concurrent), ("test", None, 1));
        self.0[0].fetch_add(1, Ordering::Relaxed);
    }

    fn on_rejected(&self, _: &Rejected<'_>) {
        self.0[1].fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn listeners_and_subscribers_hear_of_it_apart_from_rejections() {
    let (breaker, counts) = (breaker(Config::new().max_concurrent(1)), Counts::default());
    breaker.add_listener(counts.clone());
    let mut events = breaker.subscribe();
    let held = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap_err();
    assert!(matches!(events.try_recv(), Some(Event::Busy { max_concurrent: 1, consecutive: 1, .. })));
    held.success();
    assert!(matches!(events.try_recv(), Some(Event::Success { .. })));
    breaker.force_open();
    breaker.try_acquire().unwrap_err();
    assert_eq!(counts.0.each_ref().map(|count| count.load(Ordering::Relaxed)), [1, 1]);
}

#[test]
fn snapshots_show_it_and_how_many_calls_are_under_way() {
    let breaker = breaker(Config::new().max_concurrent(1));
    let shown = || serde_json::to_value(breaker.snapshot()).unwrap();
    let held = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap_err();
    assert_eq!((&shown()["busy_count"], &shown()["under_way"]), (&1.into(), &1.into()));
    assert_eq!((&shown()["rejected_count"], &shown()["config"]["max_concurrent"]), (&0.into(), &1.into()));
    held.success();
    breaker.reset();
    assert_eq!((&shown()["busy_count"], &shown()["under_way"]), (&0.into(), &0.into()));
}

#[test]
fn metrics_count_it_as_an_outcome_of_its_own() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let registry = Registry::new();
        let breaker = registry.breaker("test", Config::new().max_concurrent(1)).unwrap();
        registry.export_metrics();
        let held = breaker.try_acquire().unwrap();
        breaker.try_acquire().unwrap_err();
        held.success();
    });
    let text = handle.render();
    for line in [r#"outcome="busy"} 1"#, r#"outcome="success"} 1"#, r#"outcome="rejected"} 0"#] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[circuit_breaker(name = "rows", key = host, max_concurrent = 1)]
async fn of_host(host: &str) -> Result<(), CircuitBreakerError> {
    pending().await
}

/// Of all values of a `key` too.
#[tokio::test(start_paused = true)]
async fn the_first_of_a_row_is_a_warning() {
    testing::isolated(async {
        let log = Log::at(tracing::Level::WARN);
        let told = || log.lines().into_iter().filter(|line| line.contains("circuit_busy")).collect::<Vec<_>>();
        let breaker = breaker(Config::new().max_concurrent(1));
        let held = breaker.try_acquire().unwrap();
        let values = ["a", "b"].map(|host| Box::pin(of_host(host)));
        let mut begun = values.map(|mut call| {
            assert!(call.as_mut().now_or_never().is_none());
            call
        });
        for minutes in 1..3 {
            for _ in 0..5 {
                breaker.try_acquire().unwrap_err();
                of_host("a").now_or_never().unwrap().unwrap_err();
                of_host("b").now_or_never().unwrap().unwrap_err();
            }
            assert_eq!(told().len(), 2 * minutes, "{:?}", told());
            tokio::time::advance(secs(60)).await;
        }
        assert!(told()[0].contains("max_concurrent=1"), "{:?}", told());
        held.success();
        assert!(begun.iter_mut().all(|call| call.as_mut().now_or_never().is_none()));
    })
    .await;
}
