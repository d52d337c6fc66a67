//! History: what snapshots do not tell: the changes of the last hour, and what fallbacks have served. It listens to rare events only, so
//! that no call of a closed breaker is told to anybody.

use super::shown::{cut, millis};
use breaker_core::Listener;
use breaker_core::event::{FallbackServed, StateChange};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// How long changes are kept.
pub(super) const KEPT: Duration = Duration::from_secs(3600);
/// How many changes of one breaker are kept.
const MOST_CHANGES: usize = 100;
/// How many sources of fallbacks of one breaker are told apart.
const MOST_SOURCES: usize = 20;
/// How many breakers have a past; with more, the one to which nothing has happened for longest loses it.
const MOST_PASTS: usize = 2048;
/// So many changes wait to be sent one by one; with more, all readers get everything anew.
const MOST_NEWS: usize = 32;

/// A change of a breaker's state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Transition {
    at: u64,
    old: &'static str,
    new: &'static str,
    because: Option<String>,
    shadow: bool,
    reset: bool,
    sequence: u64,
}

/// How often a source has answered in place of the service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Served {
    source: String,
    reason: &'static str,
    pub(super) served: u64,
}

/// What is known of one breaker.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub(super) transitions: Arc<[Transition]>,
    pub(super) fallbacks: Arc<[Served]>,
    /// When something last happened, as a number that grows.
    touched: u64,
}

/// A change that was not sent yet.
pub(super) struct News {
    pub(super) name: String,
    pub(super) transition: Transition,
}

#[derive(Default)]
struct Pasts {
    by_name: HashMap<String, Past>,
    touches: u64,
    news: VecDeque<News>,
    overflown: bool,
}

#[derive(Default)]
pub(super) struct History {
    pasts: Mutex<Pasts>,
    /// Somebody sends the news.
    awaited: AtomicBool,
    bell: Arc<Notify>,
}

/// What there is to send.
pub(super) enum Fresh {
    Changes(Vec<News>),
    TooMuch,
}

impl History {
    /// Rings when there is news.
    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Whether news is kept for somebody who sends it.
    pub(super) fn await_news(&self, awaited: bool) {
        self.awaited.store(awaited, Ordering::Relaxed);
        let mut pasts = self.lock();
        pasts.news.clear();
        pasts.overflown = false;
    }

    pub(super) fn take_news(&self) -> Fresh {
        let mut pasts = self.lock();
        let news = std::mem::take(&mut pasts.news);
        if std::mem::take(&mut pasts.overflown) { Fresh::TooMuch } else { Fresh::Changes(news.into()) }
    }

    /// What is known of this breaker, without what is too old.
    pub(super) fn past(&self, name: &str, now: SystemTime) -> Past {
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
    fn of(&mut self, name: &str) -> &mut Past {
        self.touches += 1;
        if !self.by_name.contains_key(name) && self.by_name.len() >= MOST_PASTS {
            let oldest = self.by_name.iter().min_by_key(|(_, past)| past.touched).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| self.by_name.remove(&oldest));
        }
        let past = self.by_name.entry(name.to_owned()).or_default();
        past.touched = self.touches;
        past
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

    fn serve(&mut self, source: &str, reason: &'static str) {
        let mut all = self.fallbacks.to_vec();
        let known = all.iter_mut().position(|one| one.source == cut(source) && one.reason == reason);
        let last = all.len().saturating_sub(1);
        match known {
            Some(known) => all[known].served += 1,
            None if all.len() < MOST_SOURCES => all.push(Served { source: cut(source), reason, served: 1 }),
            None => match all[last].source.as_str() {
                "other" => all[last].served += 1,
                _ => all.push(Served { source: "other".to_owned(), reason: "", served: 1 }),
            },
        }
        self.fallbacks = all.into();
    }
}

/// What the registry tells.
pub(super) struct Ear(pub(super) Arc<History>);

impl Listener for Ear {
    fn hears_calls(&self) -> bool {
        false
    }

    fn fallback(&self, event: &FallbackServed<'_>) {
        // What a value of a key has served counts for all of them too, as calls do.
        let head = event.breaker.head();
        let mut pasts = self.0.lock();
        for breaker in head.as_ref().into_iter().chain([event.breaker]) {
            pasts.of(breaker.name()).serve(event.source, event.reason);
        }
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
        pasts.of(name).change(transition.clone());
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
