//! Helps the tests of services that use breakers (feature `test-util`, for dev-dependencies).
//!
//! Time is tokio's clock. With `#[tokio::test(start_paused = true)]`, a recovery timeout of an hour
//! passes at once.

use crate::breaker::handle::CircuitBreaker;
use crate::config::types::Window;
use crate::machine::state::State;
use crate::registry::Registry;
pub use crate::registry::isolation::isolated;
use crate::sync::{Arc, Mutex};
use crate::telemetry::event::{
    Cancelled, Failure, FallbackFailed, FallbackServed, FallbackTimedOut, Ignored, Listener, Rejected, Retrying,
    StateChange, StoreFailure, Success,
};
use std::fmt::Write as _;

/// The breaker of this name.
///
/// # Panics
/// When there is none. The message lists the breakers that exist.
#[must_use]
#[track_caller]
pub fn breaker(name: &str) -> CircuitBreaker {
    let registry = Registry::global();
    match registry.get(name) {
        Some(breaker) => breaker,
        None => {
            let names: Vec<_> = registry.breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
            panic!("no circuit breaker is named `{name}`; there are {names:?}");
        }
    }
}

/// Opens the breaker as an outage does: by as many failures as that takes. The failures count, and
/// listeners observe them. An open breaker stays as it is.
///
/// A function with a `key` has a parent (`hosts`) and keyed breakers (`hosts[a]`). Opening the
/// parent rejects calls of all keys. A keyed breaker exists after the first call of its key.
///
/// # Panics
/// When failures do not open it, because it is disabled, forced open or in shadow.
#[track_caller]
pub fn open(breaker: &CircuitBreaker) {
    let settings = breaker.settings();
    // Where only rates open the breaker, `fail_max` is off. It may also be as large as its type
    // allows.
    let fails = settings.fail_max.unwrap_or(Window::MAX_CALLS).min(Window::MAX_CALLS).max(settings.min_calls);
    for _ in 0..fails {
        if let Ok(permit) = breaker.try_acquire() {
            permit.failure();
        }
        match breaker.state() {
            State::Open => return,
            State::Closed | State::HalfOpen => {}
            _ => break,
        }
    }
    panic!("failures do not open {}", describe(breaker));
}

/// Opens the breaker, unless it is open, and advances the paused clock until it is half-open. The
/// next call is a probe.
///
/// # Panics
/// As [`open`], and when the clock is not paused (`#[tokio::test(start_paused = true)]`).
pub async fn half_open(breaker: &CircuitBreaker) {
    if breaker.state() == State::HalfOpen {
        return;
    }
    open(breaker);
    let left = breaker.snapshot().retry_after.unwrap_or_default();
    tokio::time::advance(left).await;
    assert_state(breaker, State::HalfOpen);
}

/// Derives the random jitter of the breaker's `backoff` from this seed from now on.
pub fn seed(breaker: &CircuitBreaker, seed: u64) {
    breaker.change(|machine, _| {
        machine.seed(seed);
        ((), None)
    });
}

/// Panics unless the breaker is in this state. The message says why it is in another one.
///
/// # Panics
/// When the expectation fails.
#[track_caller]
pub fn assert_state(breaker: &CircuitBreaker, expected: State) {
    assert!(breaker.state() == expected, "expected the state `{expected}`, but found {}", describe(breaker));
}

/// `circuit breaker `payments`, which is open (5 consecutive failures in 0.2 s, last: refused)`
fn describe(breaker: &CircuitBreaker) -> String {
    let mut text = format!("circuit breaker `{}`, which is {}", breaker.name(), breaker.state());
    if let Some(because) = breaker.opened_because() {
        let _ = write!(text, " ({because})");
    }
    text
}

/// Records the events of all breakers from now on. Breakers that are made later are included.
#[must_use]
pub fn record() -> Recording {
    let recording = Recording::default();
    Registry::global().add_listener(recording.clone());
    recording
}

/// The recorded events of breakers, one line per event: `payments: success`, `failure`, `ignored`,
/// `cancelled`, `rejected`, `fallback l1_cache`, `store failure l1_cache`, `retry 2` and
/// `closed -> open`. Each line begins with the breaker's name. Clones share the lines.
#[derive(Clone, Debug, Default)]
pub struct Recording(Arc<Mutex<Vec<String>>>);

impl Recording {
    /// The lines since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }

    /// Takes the lines, and panics unless they equal `expected`.
    ///
    /// # Panics
    /// When the expectation fails.
    #[track_caller]
    pub fn assert<const N: usize>(&self, expected: [&str; N]) {
        let found = self.take();
        assert!(found == expected, "expected the events\n{expected:#?}\nbut found\n{found:#?}");
    }

    fn add(&self, breaker: &CircuitBreaker, event: impl std::fmt::Display) {
        let line = format!("{}: {event}", breaker.name());
        self.0.lock().push(line);
    }
}

impl Listener for Recording {
    fn on_success(&self, event: &Success<'_>) {
        self.add(event.breaker, "success");
    }

    fn on_failure(&self, event: &Failure<'_>) {
        self.add(event.breaker, "failure");
    }

    fn on_ignored(&self, event: &Ignored<'_>) {
        self.add(event.breaker, "ignored");
    }

    fn on_cancelled(&self, event: &Cancelled<'_>) {
        self.add(event.breaker, "cancelled");
    }

    fn on_rejected(&self, event: &Rejected<'_>) {
        self.add(event.breaker, if event.shadow { "would reject" } else { "rejected" });
    }

    fn on_fallback(&self, event: &FallbackServed<'_>) {
        self.add(event.breaker, format_args!("fallback {}", event.source));
    }

    fn on_fallback_timed_out(&self, event: &FallbackTimedOut<'_>) {
        self.add(event.breaker, format_args!("fallback {} timed out", event.source));
    }

    fn on_fallback_failed(&self, event: &FallbackFailed<'_>) {
        match event.source {
            Some(source) => self.add(event.breaker, format_args!("fallback {source} failed")),
            None => self.add(event.breaker, "all fallbacks declined"),
        }
    }

    fn on_store_failure(&self, event: &StoreFailure<'_>) {
        self.add(event.breaker, format_args!("store failure {}", event.source));
    }

    fn on_retry(&self, event: &Retrying<'_>) {
        self.add(event.breaker, format_args!("retry {}", event.attempt));
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        let shadow = if event.shadow { "would change " } else { "" };
        self.add(event.breaker, format_args!("{shadow}{} -> {}", event.old, event.new));
    }
}
