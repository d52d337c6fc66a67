//! History: what snapshots do not tell: the changes of the last hour, and what fallbacks have served or failed to. It listens to rare events only, so
//! that no call of a closed breaker is told to anybody.

use super::view::{cut, millis};
use breaker_core::CircuitBreaker;
use breaker_core::Listener;
use breaker_core::event::{FallbackCutOff, FallbackFailed, FallbackServed, StateChange};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// How long changes are kept.
pub(crate) const KEPT: Duration = Duration::from_secs(3600);
/// How many changes of one breaker are kept.
const MOST_CHANGES: usize = 100;
/// How many sources of fallbacks of one breaker are told apart.
const MOST_SOURCES: usize = 20;
/// What all further ones are called.
const OTHER: &str = "other";
/// How many breakers have a past; with more, the one to which nothing has happened for longest loses it.
const MOST_PASTS: usize = 2048;
/// So many changes wait to be sent one by one; with more, all readers get everything anew.
const MOST_NEWS: usize = 32;

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

/// How often a source of fallbacks has answered in place of the service, and why it was asked; or how often it did not help, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Source {
    /// As the event has it, of any length.
    #[serde(skip)]
    whole: &'static str,
    source: String,
    reason: &'static str,
    pub(crate) times: u64,
}

/// What is known of one breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past {
    pub(crate) transitions: Arc<[Transition]>,
    pub(crate) fallbacks: Vec<Source>,
    /// Whose steps gave an error or were cut off, or all declined.
    pub(crate) failed: Vec<Source>,
    /// When something last happened, as a number that grows.
    touched: u64,
}

/// A change that was not sent yet.
pub(crate) struct News {
    pub(crate) name: String,
    pub(crate) transition: Transition,
}

#[derive(Default)]
struct Pasts {
    by_name: HashMap<String, Past>,
    touches: u64,
    news: VecDeque<News>,
    overflown: bool,
}

#[derive(Default)]
pub(crate) struct History {
    pasts: Mutex<Pasts>,
    /// Somebody sends the news.
    awaited: AtomicBool,
    bell: Arc<Notify>,
}

/// What there is to send.
pub(crate) enum Fresh {
    Changes(Vec<News>),
    TooMuch,
}

impl History {
    /// Rings when there is news.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Whether news is kept for somebody who sends it.
    pub(crate) fn await_news(&self, awaited: bool) {
        self.awaited.store(awaited, Ordering::Relaxed);
        let mut pasts = self.lock();
        pasts.news.clear();
        pasts.overflown = false;
    }

    pub(crate) fn take_news(&self) -> Fresh {
        let mut pasts = self.lock();
        let news = std::mem::take(&mut pasts.news);
        if std::mem::take(&mut pasts.overflown) { Fresh::TooMuch } else { Fresh::Changes(news.into()) }
    }

    /// What is known of this breaker, without what is too old.
    pub(crate) fn past(&self, name: &str, now: SystemTime) -> Past {
        let mut pasts = self.lock();
        let Some(past) = pasts.by_name.get_mut(name) else { return Past::default() };
        let begin = millis(now).saturating_sub(u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX));
        if past.transitions.first().is_some_and(|first| first.at < begin) {
            past.transitions = past.transitions.iter().filter(|one| one.at >= begin).cloned().collect();
        }
        past.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Pasts> {
        self.pasts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pasts {
    fn with(&mut self, name: &str, f: impl FnOnce(&mut Past)) {
        self.touches += 1;
        if !self.by_name.contains_key(name) {
            self.make_room();
            self.by_name.insert(name.to_owned(), Past::default());
        }
        if let Some(past) = self.by_name.get_mut(name) {
            past.touched = self.touches;
            f(past);
        }
    }

    fn make_room(&mut self) {
        if self.by_name.len() >= MOST_PASTS {
            let oldest = self.by_name.iter().min_by_key(|(_, past)| past.touched).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| self.by_name.remove(&oldest));
        }
    }
}

impl Past {
    fn change(&mut self, transition: Transition) {
        let over = (self.transitions.len() + 1).saturating_sub(MOST_CHANGES);
        let mut all: Vec<_> = self.transitions.iter().skip(over).cloned().chain([transition]).collect();
        // Several threads tell of changes, perhaps in another order.
        all.sort_by_key(|one| one.sequence);
        self.transitions = all.into();
    }
}

/// Counts one more. In an outage this is done for each call, so it is short.
fn add(all: &mut Vec<Source>, source: &'static str, reason: &'static str) {
    let full = all.len() >= MOST_SOURCES;
    let known = all.iter().position(|one| one.whole == source && one.reason == reason);
    let other = || all.iter().position(|one| one.whole == OTHER && one.reason.is_empty());
    match known.or_else(|| other().filter(|_| full)).and_then(|at| all.get_mut(at)) {
        Some(known) => known.times += 1,
        None => {
            let (whole, reason) = if full { (OTHER, "") } else { (source, reason) };
            all.push(Source { whole, source: cut(whole), reason, times: 1 });
        }
    }
}

/// What the registry tells.
pub(crate) struct Ear(pub(crate) Arc<History>);

impl Ear {
    /// What a value of a key has done counts for all of them too, as calls do.
    fn count(&self, breaker: &CircuitBreaker, f: impl Fn(&mut Past)) {
        let head = breaker.head();
        let mut pasts = self.0.lock();
        for breaker in head.as_ref().into_iter().chain([breaker]) {
            pasts.with(breaker.name(), &f);
        }
    }
}

impl Listener for Ear {
    fn hears_calls(&self) -> bool {
        false
    }

    fn fallback(&self, event: &FallbackServed<'_>) {
        self.count(event.breaker, |past| add(&mut past.fallbacks, event.source, event.reason));
    }

    fn fallback_cut_off(&self, event: &FallbackCutOff<'_>) {
        self.count(event.breaker, |past| add(&mut past.failed, event.source, "cut_off"));
    }

    fn fallback_failed(&self, event: &FallbackFailed<'_>) {
        // As metrics have it.
        let (source, cause) = event.source.map_or(("all", "declined"), |source| (source, "error"));
        self.count(event.breaker, |past| add(&mut past.failed, source, cause));
    }

    fn state_change(&self, event: &StateChange<'_>) {
        let transition = Transition {
            at: millis(SystemTime::now()),
            old: event.old.as_str(),
            new: event.new.as_str(),
            because: event.opened_because.map(cut),
            shadow: event.shadow,
            reset: event.reset,
            sequence: event.sequence,
        };
        let name = event.breaker.name();
        let mut pasts = self.0.lock();
        pasts.with(name, |past| past.change(transition.clone()));
        if self.0.awaited.load(Ordering::Relaxed) {
            match pasts.news.len() < MOST_NEWS {
                true => pasts.news.push_back(News { name: name.to_owned(), transition }),
                false => pasts.overflown = true,
            }
            drop(pasts);
            self.0.bell.notify_one();
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
        let now = millis(SystemTime::now());
        for n in 0..150 {
            // Two are told in another order.
            history.lock().with("busy", |past| past.change(transition(now, n ^ 1)));
        }
        let kept = history.past("busy", SystemTime::now()).transitions;
        assert_eq!(kept.iter().map(|one| one.sequence).collect::<Vec<_>>(), (50..150).collect::<Vec<_>>());
        history.lock().with("old", |past| past.change(transition(now - 3_600_001, 1)));
        history.lock().with("old", |past| past.change(transition(now - 3_500_000, 2)));
        assert_eq!(history.past("old", SystemTime::now()).transitions.len(), 1);
        assert!(history.past("unknown", SystemTime::now()).transitions.is_empty());
    }

    #[test]
    fn of_too_many_sources_the_rest_is_summed() {
        let mut past = Past::default();
        for n in 0..30 {
            add(&mut past.fallbacks, format!("source_{n}").leak(), "failure");
        }
        add(&mut past.fallbacks, "source_3", "failure");
        add(&mut past.fallbacks, "source_3", "timeout");
        let all = &past.fallbacks;
        assert_eq!((all.len(), all[3].times), (MOST_SOURCES + 1, 2));
        assert_eq!((all[MOST_SOURCES].source.as_str(), all[MOST_SOURCES].times), ("other", 11));
    }

    #[test]
    fn of_too_many_breakers_that_one_is_forgotten_to_which_nothing_happens() {
        let history = History::default();
        for n in 0..3 * MOST_PASTS {
            history.lock().with("kept", |past| add(&mut past.fallbacks, "cache", "failure"));
            history.lock().with(&format!("hosts[{n}]"), |past| past.change(transition(0, 1)));
        }
        let pasts = history.lock();
        assert!(pasts.by_name.len() == MOST_PASTS && pasts.by_name.contains_key("kept"));
    }
}
