//! Audit: who has done what, or was refused. Each goes to `tracing` (target `breaker_axum::audit`), to the feeds of those who are logged in, and
//! into a memory of the last ones.

use super::live::broadcast::Hub;
use super::live::view::millis;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// So many actions are remembered.
const MOST_DONE: usize = 256;
/// So many refusals; apart from the actions, so that nobody can have those forgotten.
const MOST_REFUSED: usize = 64;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    at: u64,
    who: String,
    action: String,
    /// Of the breaker; empty where it is none.
    name: String,
    before: String,
    after: String,
}

#[derive(Default)]
struct Entries {
    done: VecDeque<Entry>,
    refused: VecDeque<Entry>,
}

pub(super) struct Audit {
    entries: Mutex<Entries>,
    hub: Arc<Hub>,
}

impl Audit {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { entries: Mutex::default(), hub }
    }

    /// Somebody has done something: `what` is the action and the breaker's name on the wire.
    pub(super) fn done(&self, who: &str, what: (&str, &str), before: &str, after: &str) {
        let entry = Entry::new(who, what, before, after);
        let Entry { who, action, name, before, after, .. } = &entry;
        tracing::info!(target: "breaker_axum::audit", who, action, breaker_name = name, before, after, "dashboard action");
        keep(&mut self.lock().done, MOST_DONE, &entry);
        self.hub.announce("audit", &entry);
    }

    /// Somebody was refused.
    pub(super) fn refused(&self, who: &str, what: (&str, &str), why: &str) {
        let entry = Entry::new(who, what, "", &format!("refused: {why}"));
        let Entry { who, action, name, after, .. } = &entry;
        tracing::warn!(target: "breaker_axum::audit", who, action, breaker_name = name, after, "dashboard action refused");
        keep(&mut self.lock().refused, MOST_REFUSED, &entry);
        self.hub.announce("audit", &entry);
    }

    /// What concerns this breaker, the newest last.
    pub(super) fn of(&self, name: &str) -> Vec<Entry> {
        let entries = self.lock();
        let mut found: Vec<_> =
            entries.done.iter().chain(&entries.refused).filter(|entry| entry.name == name).cloned().collect();
        found.sort_by_key(|entry| entry.at);
        found
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(who: &str, (action, name): (&str, &str), before: &str, after: &str) -> Self {
        let [who, action, name, before, after] = [who, action, name, before, after].map(str::to_owned);
        Self { at: millis(SystemTime::now()), who, action, name, before, after }
    }
}

fn keep(entries: &mut VecDeque<Entry>, most: usize, entry: &Entry) {
    if entries.len() == most {
        entries.pop_front();
    }
    entries.push_back(entry.clone());
}
