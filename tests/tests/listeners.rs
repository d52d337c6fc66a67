//! Listeners: how they are taken off again.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::event::{StateChange, Success};
use breaker_core::{
    AddedListener, CircuitBreaker, CircuitBreakerError, Config, Listener, Registry, circuit_breaker, testing,
};
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// What it has heard.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Listener for Lines {
    fn on_success(&self, event: &Success<'_>) {
        self.0.lock().unwrap().push(format!("{} success", event.breaker.name()));
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", event.breaker.name(), event.new));
    }
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new("b", Config::new()).unwrap()
}

/// A success, and a state that somebody sets and ends.
fn happens(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().success();
    breaker.force_open();
    breaker.clear_override();
}

#[test]
fn a_listener_that_was_removed_hears_nothing_more() {
    let (breaker, gone, stays) = (breaker(), Lines::default(), Lines::default());
    let added = breaker.add_listener(gone.clone());
    breaker.add_listener(stays.clone());
    happens(&breaker);
    assert_eq!(gone.take(), ["b success", "b forced_open", "b closed"]);
    added.remove();
    added.remove();
    happens(&breaker);
    assert!(gone.take().is_empty());
    assert_eq!(stays.take().len(), 6);
}

#[test]
fn one_that_was_added_twice_is_removed_once_by_each() {
    let (breaker, lines) = (breaker(), Lines::default());
    let (first, second) = (breaker.add_listener(lines.clone()), breaker.add_listener(lines.clone()));
    first.clone().remove();
    first.remove();
    breaker.force_open();
    assert_eq!(lines.take(), ["b forced_open"]);
    second.remove();
    breaker.clear_override();
    assert!(lines.take().is_empty());
}

#[test]
fn one_that_is_not_removed_stays_whatever_becomes_of_what_was_given() {
    let (breaker, lines) = (breaker(), Lines::default());
    drop(breaker.add_listener(lines.clone()));
    breaker.force_open();
    assert_eq!(lines.take(), ["b forced_open"]);
}

#[test]
fn a_registry_takes_it_off_present_breakers_and_gives_it_to_no_later_one() {
    let registry = Registry::new();
    let before = registry.breaker("before", Config::new()).unwrap();
    let lines = Lines::default();
    let added = registry.add_listener(lines.clone());
    let between = registry.breaker("between", Config::new()).unwrap();
    before.force_open();
    between.force_open();
    assert_eq!(lines.take(), ["before forced_open", "between forced_open"]);
    added.remove();
    let after = registry.breaker("after", Config::new()).unwrap();
    for breaker in [before, between, after] {
        breaker.reset();
        happens(&breaker);
    }
    assert!(lines.take().is_empty());
    drop(registry);
    added.remove();
}

#[circuit_breaker(name = "listened", key = host)]
fn listened(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[tokio::test]
async fn values_of_a_key_do_not_hear_of_it_either() {
    testing::isolated(async {
        let (of_registry, of_head, of_value) = (Lines::default(), Lines::default(), Lines::default());
        let head = testing::breaker("listened");
        let added = [Registry::global().add_listener(of_registry.clone()), head.add_listener(of_head.clone())];
        listened("plain").unwrap();
        listened("own").unwrap();
        let value = Registry::global().get("listened[own]").unwrap();
        let own = value.add_listener(of_value.clone());
        listened("own").unwrap();
        assert_eq!(of_value.take(), ["listened[own] success"]);
        assert_eq!((of_registry.take().len(), of_head.take().len()), (3, 3));
        added.iter().for_each(AddedListener::remove);
        for host in ["plain", "own", "new"] {
            listened(host).unwrap();
        }
        value.force_open();
        assert!(of_registry.take().is_empty() && of_head.take().is_empty());
        assert_eq!(of_value.take(), ["listened[own] success", "listened[own] forced_open"]);
        own.remove();
        value.clear_override();
        assert!(of_value.take().is_empty());
    })
    .await;
}

/// Takes others off, and itself.
#[derive(Default)]
struct Removes {
    added: OnceLock<Vec<AddedListener>>,
    heard: Mutex<u32>,
}

impl Listener for Removes {
    fn on_state_change(&self, _: &StateChange<'_>) {
        *self.heard.lock().unwrap() += 1;
        self.added.get().unwrap().iter().for_each(AddedListener::remove);
    }
}

#[test]
fn a_listener_can_take_itself_and_others_off() {
    let registry = Registry::new();
    let breaker = registry.breaker("b", Config::new()).unwrap();
    let (removes, lines) = (Arc::new(Removes::default()), Lines::default());
    let itself = registry.add_listener(Arc::clone(&removes));
    let added = vec![itself, breaker.add_listener(lines.clone())];
    removes.added.set(added).unwrap();
    breaker.force_open();
    assert_eq!(*removes.heard.lock().unwrap(), 1);
    assert_eq!(lines.take(), ["b forced_open"], "it began before");
    breaker.clear_override();
    assert_eq!(*removes.heard.lock().unwrap(), 1);
    assert!(lines.take().is_empty());
}

#[test]
fn nothing_is_left_of_a_listener_that_was_removed() {
    let registry = Registry::new();
    let breaker = registry.breaker("b", Config::new()).unwrap();
    let (one, other) = (Arc::new(Lines::default()), Arc::new(Lines::default()));
    let weak: [Weak<Lines>; 2] = [Arc::downgrade(&one), Arc::downgrade(&other)];
    let added = [registry.add_listener(one), breaker.add_listener(other)];
    assert!(weak.iter().all(|listener| listener.upgrade().is_some()));
    added.iter().for_each(AddedListener::remove);
    assert!(weak.iter().all(|listener| listener.upgrade().is_none()));
}

#[test]
fn what_is_held_keeps_neither_the_listener_nor_the_breaker() {
    let removes = Arc::new(Removes::default());
    let weak = Arc::downgrade(&removes);
    let breaker = breaker();
    let added = breaker.add_listener(Arc::clone(&removes));
    // A listener that holds its own.
    removes.added.set(vec![added.clone()]).unwrap();
    drop((breaker, removes));
    assert!(weak.upgrade().is_none());
    added.remove();
}

/// Whose destructor uses the breaker and the registry.
struct Parting(Arc<Registry>, CircuitBreaker);

impl Listener for Parting {}

impl Drop for Parting {
    fn drop(&mut self) {
        self.0.add_listener(Lines::default()).remove();
        self.1.force_open();
        assert_eq!(self.0.breakers().len(), 1);
    }
}

#[test]
fn its_destructor_runs_with_no_lock_held() {
    let registry = Arc::new(Registry::new());
    let breaker = registry.breaker("b", Config::new()).unwrap();
    let parting = || Parting(Arc::clone(&registry), breaker.clone());
    registry.add_listener(parting()).remove();
    assert_eq!(breaker.state(), breaker_core::State::ForcedOpen);
    breaker.clear_override();
    breaker.add_listener(parting()).remove();
    assert_eq!(breaker.state(), breaker_core::State::ForcedOpen);
}
