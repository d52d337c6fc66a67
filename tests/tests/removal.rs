//! Removal: a breaker that code made is taken out of its registry.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::event::StateChange;
use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Config, ConfigErrorKind, Listener, Registry, State, Status,
    circuit_breaker, testing,
};
use metrics::set_default_local_recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Default)]
struct Changes(Arc<Mutex<Vec<String>>>);

impl Changes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Changes {
    fn on_state_change(&self, event: &StateChange<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", event.breaker.name(), event.new));
    }
}

fn names(registry: &Registry) -> Vec<String> {
    registry.breakers().iter().map(|breaker| breaker.name().to_owned()).collect()
}

#[test]
fn a_breaker_that_was_removed_is_shown_no_more() {
    let registry = Registry::new();
    let kept = registry.breaker("kept", Config::new()).unwrap();
    let gone = registry.breaker("gone", Config::new().critical(true)).unwrap();
    gone.force_open();
    assert!(registry.health().status != Status::Healthy);
    let removed = registry.remove("gone").unwrap();
    assert_eq!((removed.name(), removed.state()), ("gone", State::ForcedOpen));
    assert_eq!(names(&registry), ["kept"]);
    assert!(registry.get("gone").is_none() && registry.call_sites("gone").is_empty());
    assert!(registry.health().status == Status::Healthy);
    assert_eq!(kept.state(), State::Closed);
}

#[test]
fn a_handle_that_is_held_works_on_and_is_told_and_reloaded_no_more() {
    let registry = Registry::new();
    let (of_registry, own) = (Changes::default(), Changes::default());
    registry.add_listener(of_registry.clone());
    let breaker = registry.breaker("gone", Config::new().fail_max(1)).unwrap();
    breaker.add_listener(own.clone());
    registry.remove("gone").unwrap();
    breaker.try_acquire().unwrap().failure();
    assert!(breaker.try_acquire().is_err());
    assert!(of_registry.take().is_empty());
    assert_eq!(own.take(), ["gone open"]);
    registry.load_env_from([("GONE_CIRCUIT_FAIL_MAX", "7"), ("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "9s")]).unwrap();
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout.as_secs()), (Some(1), 30));
    breaker.reconfigure(Config::new().fail_max(2)).unwrap();
    assert_eq!(breaker.settings().fail_max, Some(2));
}

#[test]
fn its_name_can_be_registered_again() {
    let registry = Registry::new();
    registry.load_env_from([("GONE_CIRCUIT_FAIL_MAX", "7")]).unwrap();
    let first = registry.breaker("gone", Config::new().fail_max(1)).unwrap();
    registry.set_config("gone", Config::new().success_threshold(4)).unwrap();
    first.force_open();
    registry.remove("gone").unwrap();
    let second = registry.breaker("gone", Config::new().fail_max(3)).unwrap();
    assert_eq!((second.state(), second.settings().fail_max), (State::Closed, Some(7)), "the variable holds again");
    assert_eq!(second.settings().success_threshold, 1, "what `set_config` said has gone");
    assert_eq!(first.state(), State::ForcedOpen);
    assert!(registry.register(&first).is_err());
    registry.remove("gone").unwrap();
    registry.register(&first).unwrap();
    let changes = Changes::default();
    registry.add_listener(changes.clone());
    first.clear_override();
    assert_eq!(changes.take(), ["gone closed"]);
    assert!(registry.load_env().unwrap().warnings().is_empty(), "no conflict is left of it");
}

#[test]
fn a_label_without_a_prefix_is_that_of_the_one_that_is_left() {
    let registry = Registry::new();
    let only = registry.breaker("only", Config::new()).unwrap();
    registry.load_env_from([("CIRCUIT_BREAKER_NAME", "shown")]).unwrap();
    registry.breaker("other", Config::new()).unwrap();
    assert_eq!(only.label(), "only");
    registry.remove("other").unwrap();
    assert_eq!(only.label(), "shown");
}

#[circuit_breaker(name = "of_a_function")]
fn guarded() -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "of_a_key", key = host)]
fn keyed(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[tokio::test]
async fn what_a_function_uses_stays_and_so_does_what_is_not_there() {
    testing::isolated(async {
        let registry = Registry::global();
        guarded().unwrap();
        keyed("a").unwrap();
        let refused = |name: &str| registry.remove(name).unwrap_err();
        for name in ["of_a_function", "of_a_key"] {
            let error = refused(name);
            assert_eq!(error.kind(), ConfigErrorKind::Conflict);
            assert!(error.to_string().contains("an annotated function uses it"), "{error}");
            assert!(registry.get(name).is_some());
        }
        let error = refused("unknown");
        assert_eq!(error.kind(), ConfigErrorKind::UnknownName);
        assert_eq!(error.to_string(), "circuit breaker `unknown`: cannot be removed: no circuit breaker has this name");
        assert_eq!(refused("of_a_key[a]").kind(), ConfigErrorKind::Conflict);
        assert_eq!(refused("").kind(), ConfigErrorKind::UnknownName);
        // A value that has a name of its own as well.
        let value = registry.get("of_a_key[a]").unwrap();
        registry.register(&value).unwrap();
        let changes = Changes::default();
        registry.add_listener(changes.clone());
        registry.remove("of_a_key[a]").unwrap();
        value.force_open();
        assert_eq!(changes.take(), ["of_a_key[a] forced_open"], "its head is still there");
    })
    .await;
}

/// Says so when it is dropped.
struct Kept(#[allow(dead_code, reason = "it is counted")] Arc<()>);

impl Listener for Kept {}

#[test]
fn nothing_is_left_of_it_also_in_the_global_registry() {
    let (token, registry) = (Arc::new(()), Registry::global());
    for _ in 0..3 {
        let breaker = registry.breaker("comes_and_goes", Config::new()).unwrap();
        breaker.add_listener(Kept(Arc::clone(&token)));
        assert_eq!(Arc::strong_count(&token), 2);
        drop(breaker);
        registry.remove("comes_and_goes").unwrap();
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_outlives_its_breaker_and_still_names_it() {
    let (token, registry) = (Arc::new(()), Registry::new());
    let config = Config::new().fail_max(1).timeout(Duration::from_secs(1)).max_concurrent(1);
    let breaker = registry.breaker("gone", config).unwrap();
    breaker.add_listener(Kept(Arc::clone(&token)));
    let place = breaker.try_acquire().unwrap();
    let busy = breaker.try_acquire().unwrap_err();
    place.success();
    let rejection = |result: Result<(), CallError<&str>>| match result {
        Err(CallError::Rejected(error)) => error,
        other => panic!("{other:?}"),
    };
    let timed_out = rejection(breaker.call(std::future::pending()).await);
    let rejected = rejection(breaker.call(async { Ok(()) }).await);
    let errors = [rejected.clone(), rejection(breaker.call_sync(|| Ok(()))), breaker.try_acquire().unwrap_err()];
    let because = "1 failure, last: timed out after 1s";
    assert_eq!(rejected.opened_because().as_deref(), Some(because));
    let text = rejected.to_string();
    assert!(errors.iter().all(|error| *error == rejected));

    registry.remove("gone").unwrap();
    assert_eq!(Arc::strong_count(&token), 2, "a handle holds it");
    drop(breaker);
    assert_eq!(Arc::strong_count(&token), 1, "an error does not hold it");
    for error in errors.iter().chain([&busy, &timed_out, &rejected.clone()]) {
        assert_eq!((error.breaker(), error.function(), error.opened_because()), ("gone", None, None));
    }
    assert_eq!((rejected.to_string(), rejected.state()), (text, State::Open));
    assert!(rejected.retry_after().is_some() && errors.iter().all(|error| *error == rejected));
    assert!(busy.is_busy() && timed_out.is_timeout());
    assert!(io::Error::from(timed_out).to_string().contains("`gone` timed out after 1s"));
    // Another breaker of this name is not the one that rejected.
    let next = registry.breaker("gone", Config::new().fail_max(1)).unwrap();
    next.try_acquire().unwrap().failure();
    assert_eq!((next.try_acquire().unwrap_err().opened_because().is_some(), rejected.opened_because()), (true, None));
}

fn series(recorder: &PrometheusRecorder, series: &str) -> f64 {
    let text = recorder.handle().render();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
}

#[test]
fn its_metrics_end() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _installed = set_default_local_recorder(&recorder);
    let registry = Registry::new();
    registry.export_metrics();
    let breaker: CircuitBreaker = registry.breaker("gone", Config::new().critical(true)).unwrap();
    breaker.try_acquire().unwrap().success();
    breaker.force_open();
    registry.refresh_metrics();
    let (state, successes) = (
        r#"circuit_breaker_state{breaker="gone"}"#,
        r#"circuit_breaker_calls_total{breaker="gone",outcome="success"}"#,
    );
    assert_eq!((series(&recorder, state), series(&recorder, successes)), (1.0, 1.0));
    registry.remove("gone").unwrap();
    let rest = |name: &str| series(&recorder, &format!(r#"circuit_breaker_{name}{{breaker="gone"}}"#));
    assert_eq!((rest("state"), rest("critical")), (0.0, 0.0), "no alert is left");
    breaker.clear_override();
    breaker.try_acquire().unwrap().success();
    breaker.force_open();
    breaker.refresh_metrics();
    registry.refresh_metrics();
    assert_eq!((rest("state"), series(&recorder, successes)), (0.0, 1.0));
    // Another one of this name goes on where the first stopped, as counters do.
    let next = registry.breaker("gone", Config::new()).unwrap();
    next.try_acquire().unwrap().success();
    assert_eq!(series(&recorder, successes), 2.0);
    registry.remove("gone").unwrap();
    registry.register(&breaker).unwrap();
    registry.refresh_metrics();
    assert_eq!((rest("state"), rest("critical")), (1.0, 1.0));
}
