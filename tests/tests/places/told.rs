//! What is told of a call that finds no place: to listeners, in events, metrics, snapshots and the log.

use crate::common::breaker;
use crate::common::log::Log;
use breaker_core::event::{Busy, Listener, Rejected};
use breaker_core::{Config, Event, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Clone, Default)]
struct Counts(Arc<[AtomicU32; 2]>);

impl Listener for Counts {
    fn busy(&self, event: &Busy<'_>) {
        assert_eq!((event.breaker.name(), event.function, event.max_concurrent), ("test", None, 1));
        self.0[0].fetch_add(1, Ordering::Relaxed);
    }

    fn rejected(&self, _: &Rejected<'_>) {
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
    assert!(matches!(events.try_recv(), Some(Event::Busy { max_concurrent: 1, .. })));
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

#[tokio::test(start_paused = true)]
async fn the_first_of_a_row_is_a_warning() {
    let breaker = breaker(Config::new().max_concurrent(1));
    let log = Log::at(tracing::Level::WARN);
    let held = breaker.try_acquire().unwrap();
    for _ in 0..5 {
        breaker.try_acquire().unwrap_err();
    }
    held.success();
    let told: Vec<_> = log.lines().into_iter().filter(|line| line.contains("circuit_busy")).collect();
    assert!(told.len() == 1 && told[0].contains("max_concurrent=1"), "{told:?}");
}
