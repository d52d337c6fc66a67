//! Records the actions of people and the refusals of requests.
//!
//! Each record is an event of `tracing` (target `breaker_axum::audit`), and is published to readers
//! that are logged in. It stays in memory until newer records replace it.

use super::text::unix_millis;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// How many actions are kept.
const MAX_ACTIONS: usize = 256;
/// How many refusals are kept. They have their own limit, so that they never displace actions.
const MAX_REFUSALS: usize = 64;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    at: u64,
    who: String,
    action: String,
    /// The name of the breaker; empty if the action has none.
    name: String,
    before: String,
    after: String,
}

#[derive(Default)]
struct Entries {
    actions: VecDeque<Entry>,
    refusals: VecDeque<Entry>,
}

/// The record of actions and refusals.
pub(super) struct Audit {
    entries: Mutex<Entries>,
    publish: Box<dyn Fn(&Entry) + Send + Sync>,
}

impl Audit {
    /// `publish` gets each new entry, with no lock held.
    pub(super) fn new(publish: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        Self { entries: Mutex::default(), publish: Box::new(publish) }
    }

    /// Records an action: its name, and the breaker's name on the page.
    pub(super) fn record_action(&self, who: &str, (action, name): (&str, &str), before: &str, after: &str) {
        let entry = Entry::new(who, (action, name), before, after);
        tracing::info!(target: "breaker_axum::audit", who, action, breaker_name = name, before, after, "dashboard action");
        push(&mut self.lock().actions, MAX_ACTIONS, &entry);
        (self.publish)(&entry);
    }

    /// Records a refusal of an action.
    pub(super) fn record_refusal(&self, who: &str, (action, name): (&str, &str), reason: &str) {
        let after = format!("refused: {reason}");
        let entry = Entry::new(who, (action, name), "", &after);
        tracing::warn!(target: "breaker_axum::audit", who, action, breaker_name = name, after, "dashboard action refused");
        push(&mut self.lock().refusals, MAX_REFUSALS, &entry);
        (self.publish)(&entry);
    }

    /// The entries about this breaker, the newest last.
    pub(super) fn entries_of(&self, name: &str) -> Vec<Entry> {
        let entries = self.lock();
        let all = entries.actions.iter().chain(&entries.refusals);
        let mut found: Vec<_> = all.filter(|entry| entry.name == name).cloned().collect();
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
        Self { at: unix_millis(SystemTime::now()), who, action, name, before, after }
    }
}

/// Appends an entry, and drops the oldest if there are `max` already.
fn push(entries: &mut VecDeque<Entry>, max: usize, entry: &Entry) {
    if entries.len() == max {
        entries.pop_front();
    }
    entries.push_back(entry.clone());
}
