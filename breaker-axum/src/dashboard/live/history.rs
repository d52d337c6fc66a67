//! Keeps what snapshots do not have: the state changes of the last hour, and counts of fallbacks.
//!
//! A listener records them. It observes rare events only, so that calls of a closed breaker cost
//! nothing more.

use super::text::{millis, truncated, unix_millis};
use breaker_core::event::{FallbackFailed, FallbackServed, FallbackTimedOut, StateChange};
use breaker_core::{CircuitBreaker, Listener};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// How long transitions are kept.
pub(crate) const RETENTION: Duration = Duration::from_secs(3600);
/// How many transitions of one breaker are kept.
const MAX_TRANSITIONS: usize = 100;
/// How many sources of fallbacks of one breaker are counted separately.
const MAX_SOURCES: usize = 20;
/// The name of all further sources.
const OTHER: &str = "other";
/// How many breakers have a history. A further one replaces the one without events for longest.
const MAX_BREAKERS: usize = 2048;
/// How many transitions wait to be published one by one. With more, readers get everything again.
const MAX_PENDING: usize = 32;

/// A change of a breaker's state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Transition {
    at: u64,
    old: &'static str,
    new: &'static str,
    because: Option<String>,
    shadow: bool,
    reset: bool,
    sequence: u64,
}

/// How often a source of fallbacks has answered or failed for one reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FallbackSource {
    /// The whole name, of any length.
    #[serde(skip)]
    name: &'static str,
    source: String,
    reason: &'static str,
    pub(crate) times: u64,
}

/// The history of one breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct BreakerHistory {
    pub(crate) transitions: Arc<[Transition]>,
    pub(crate) fallbacks: Vec<FallbackSource>,
    /// Steps that gave an error or timed out, and chains of which every step declined.
    pub(crate) failed_fallbacks: Vec<FallbackSource>,
    /// The number of its last event. Numbers grow with each event of any breaker.
    last_event: u64,
}

/// A transition that was not published yet.
pub(crate) struct PendingTransition {
    pub(crate) name: String,
    pub(crate) transition: Transition,
}

/// What is to be published.
pub(crate) enum Pending {
    Transitions(Vec<PendingTransition>),
    /// There were too many transitions to keep each.
    Overflow,
}

#[derive(Default)]
struct Inner {
    by_name: HashMap<String, BreakerHistory>,
    events: u64,
    pending: VecDeque<PendingTransition>,
    overflown: bool,
}

/// The histories of all breakers.
#[derive(Default)]
pub(crate) struct History {
    inner: Mutex<Inner>,
    /// Whether a task publishes pending transitions.
    publishing: AtomicBool,
    wake: Arc<Notify>,
}

impl History {
    /// Is notified when there are pending transitions.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Starts or stops to keep pending transitions.
    pub(crate) fn set_publishing(&self, publishing: bool) {
        self.publishing.store(publishing, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.pending.clear();
        inner.overflown = false;
    }

    pub(crate) fn take_pending(&self) -> Pending {
        let mut inner = self.lock();
        let pending = std::mem::take(&mut inner.pending);
        if std::mem::take(&mut inner.overflown) { Pending::Overflow } else { Pending::Transitions(pending.into()) }
    }

    /// The history of this breaker, without expired transitions.
    pub(crate) fn of(&self, name: &str, now: SystemTime) -> BreakerHistory {
        let mut inner = self.lock();
        let Some(breaker) = inner.by_name.get_mut(name) else { return BreakerHistory::default() };
        let begin = unix_millis(now).saturating_sub(millis(RETENTION));
        if breaker.transitions.first().is_some_and(|first| first.at < begin) {
            breaker.transitions = breaker.transitions.iter().filter(|one| one.at >= begin).cloned().collect();
        }
        breaker.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Changes the history of one breaker, which is created if necessary.
    fn with(&mut self, name: &str, change: impl FnOnce(&mut BreakerHistory)) {
        self.events += 1;
        if !self.by_name.contains_key(name) {
            self.evict_one();
            self.by_name.insert(name.to_owned(), BreakerHistory::default());
        }
        if let Some(breaker) = self.by_name.get_mut(name) {
            breaker.last_event = self.events;
            change(breaker);
        }
    }

    /// Drops the history without events for longest, if there is no room for another one.
    fn evict_one(&mut self) {
        if self.by_name.len() >= MAX_BREAKERS {
            let oldest = self.by_name.iter().min_by_key(|(_, one)| one.last_event).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| self.by_name.remove(&oldest));
        }
    }
}

impl BreakerHistory {
    fn add_transition(&mut self, transition: Transition) {
        let excess = (self.transitions.len() + 1).saturating_sub(MAX_TRANSITIONS);
        let mut all: Vec<_> = self.transitions.iter().skip(excess).cloned().chain([transition]).collect();
        // Several threads report transitions, perhaps in another order.
        all.sort_by_key(|one| one.sequence);
        self.transitions = all.into();
    }
}

/// Counts one fallback. An outage calls this for each call, so it is short.
fn count(all: &mut Vec<FallbackSource>, name: &'static str, reason: &'static str) {
    let full = all.len() >= MAX_SOURCES;
    let known = all.iter().position(|one| one.name == name && one.reason == reason);
    let other = || all.iter().position(|one| one.name == OTHER && one.reason.is_empty());
    match known.or_else(|| other().filter(|_| full)).and_then(|at| all.get_mut(at)) {
        Some(known) => known.times += 1,
        None => {
            let (name, reason) = if full { (OTHER, "") } else { (name, reason) };
            all.push(FallbackSource { name, source: truncated(name), reason, times: 1 });
        }
    }
}

/// The registry's listener that records the history.
pub(crate) struct HistoryListener(pub(crate) Arc<History>);

impl HistoryListener {
    /// Changes the history of a breaker. An event of a keyed breaker counts for its parent too.
    fn record(&self, breaker: &CircuitBreaker, change: impl Fn(&mut BreakerHistory)) {
        let parent = breaker.parent();
        let mut inner = self.0.lock();
        for breaker in parent.as_ref().into_iter().chain([breaker]) {
            inner.with(breaker.name(), &change);
        }
    }
}

impl Listener for HistoryListener {
    fn wants_calls(&self) -> bool {
        false
    }

    fn on_fallback(&self, event: &FallbackServed<'_>) {
        self.record(event.breaker, |breaker| count(&mut breaker.fallbacks, event.source, event.reason));
    }

    fn on_fallback_timed_out(&self, event: &FallbackTimedOut<'_>) {
        self.record(event.breaker, |breaker| count(&mut breaker.failed_fallbacks, event.source, "cut_off"));
    }

    fn on_fallback_failed(&self, event: &FallbackFailed<'_>) {
        // The words of the metrics.
        let (source, cause) = event.source.map_or(("all", "declined"), |source| (source, "error"));
        self.record(event.breaker, |breaker| count(&mut breaker.failed_fallbacks, source, cause));
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        let transition = Transition {
            at: unix_millis(SystemTime::now()),
            old: event.old.as_str(),
            new: event.new.as_str(),
            because: event.opened_because.map(truncated),
            shadow: event.shadow,
            reset: event.reset,
            sequence: event.sequence,
        };
        let name = event.breaker.name();
        let mut inner = self.0.lock();
        inner.with(name, |breaker| breaker.add_transition(transition.clone()));
        if self.0.publishing.load(Ordering::Relaxed) {
            match inner.pending.len() < MAX_PENDING {
                true => inner.pending.push_back(PendingTransition { name: name.to_owned(), transition }),
                false => inner.overflown = true,
            }
            drop(inner);
            self.0.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(at: u64, sequence: u64) -> Transition {
        Transition { at, old: "closed", new: "open", because: None, shadow: false, reset: false, sequence }
    }

    #[test]
    fn the_last_hundred_changes_of_the_last_hour_are_kept_in_their_order() {
        let history = History::default();
        let now = unix_millis(SystemTime::now());
        for n in 0..150 {
            // Two are reported in another order.
            history.lock().with("busy", |breaker| breaker.add_transition(transition(now, n ^ 1)));
        }
        let kept = history.of("busy", SystemTime::now()).transitions;
        assert_eq!(kept.iter().map(|one| one.sequence).collect::<Vec<_>>(), (50..150).collect::<Vec<_>>());
        history.lock().with("old", |breaker| breaker.add_transition(transition(now - 3_600_001, 1)));
        history.lock().with("old", |breaker| breaker.add_transition(transition(now - 3_500_000, 2)));
        assert_eq!(history.of("old", SystemTime::now()).transitions.len(), 1);
        assert!(history.of("unknown", SystemTime::now()).transitions.is_empty());
    }

    #[test]
    fn of_too_many_sources_the_rest_is_summed() {
        let mut breaker = BreakerHistory::default();
        for n in 0..30 {
            count(&mut breaker.fallbacks, format!("source_{n}").leak(), "failure");
        }
        count(&mut breaker.fallbacks, "source_3", "failure");
        count(&mut breaker.fallbacks, "source_3", "timeout");
        let all = &breaker.fallbacks;
        assert_eq!((all.len(), all[3].times), (MAX_SOURCES + 1, 2));
        assert_eq!((all[MAX_SOURCES].source.as_str(), all[MAX_SOURCES].times), ("other", 11));
    }

    #[test]
    fn of_too_many_breakers_that_one_is_forgotten_to_which_nothing_happens() {
        let history = History::default();
        for n in 0..3 * MAX_BREAKERS {
            history.lock().with("kept", |breaker| count(&mut breaker.fallbacks, "cache", "failure"));
            history.lock().with(&format!("hosts[{n}]"), |breaker| breaker.add_transition(transition(0, 1)));
        }
        let inner = history.lock();
        assert!(inner.by_name.len() == MAX_BREAKERS && inner.by_name.contains_key("kept"));
    }
}
