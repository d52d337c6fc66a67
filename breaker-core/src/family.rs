//! Family: the breakers of a function with `key = ..`, one per value, bounded in number. The head, which has the name without a
//! value, holds their settings, listeners and manual states; calls go to the members.

use crate::breaker::CircuitBreaker;
use crate::state::State;
use crate::sync::{Arc, Mutex};
use std::collections::{BTreeMap, HashMap};

/// The value under which the breaker stands that new values share when all others are busy.
const OVERFLOW: &str = "*";

#[derive(Default)]
pub(crate) struct Family(Mutex<Members>);

#[derive(Default)]
struct Members {
    by_key: HashMap<Box<str>, Member>,
    /// The keys by their last use.
    order: BTreeMap<u64, Box<str>>,
    uses: u64,
    overflow: Option<CircuitBreaker>,
    /// What those counted that have left.
    left: Sums,
}

struct Member {
    breaker: CircuitBreaker,
    used: u64,
}

/// What the members have counted together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) rejected: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
}

impl CircuitBreaker {
    /// The member for `key`, made if there is none. The least recently used one that is closed and idle makes room; when there
    /// is no such one, the key shares the overflow.
    pub(crate) fn member(&self, key: &str, function: &'static str) -> Self {
        // Dropped after the lock: listeners may have a `Drop` of their own.
        let mut gone = Vec::new();
        let mut members = self.0.family.get_or_init(Family::default).0.lock();
        if let Some(found) = members.touch(key) {
            return found;
        }
        let most = self.config().max_keys as usize;
        while members.by_key.len() >= most {
            match members.make_room() {
                Some(idle) => gone.push(idle),
                None => return members.overflow.get_or_insert_with(|| self.bear(OVERFLOW, function)).clone(),
            }
        }
        let breaker = self.bear(key, function);
        members.insert(key, breaker.clone());
        breaker
    }

    fn bear(&self, key: &str, function: &'static str) -> Self {
        let layers = self.0.layers.lock().clone().without_label();
        let member = Self::of_function(format!("{}[{key}]", self.name()), layers, function);
        let listeners = Arc::clone(&self.0.listeners.lock());
        listeners.iter().for_each(|listener| member.add_shared_listener(listener));
        member
    }

    /// The member of this key, if there is one; that is no use of it.
    pub(crate) fn known_member(&self, key: &str) -> Option<Self> {
        let members = self.0.family.get()?.0.lock();
        let overflow = members.overflow.as_ref().filter(|_| key == OVERFLOW);
        members.by_key.get(key).map(|member| &member.breaker).or(overflow).cloned()
    }

    /// The members at this moment; none for a breaker without keys.
    pub(crate) fn members(&self) -> Vec<Self> {
        let Some(family) = self.0.family.get() else { return Vec::new() };
        let members = family.0.lock();
        members.by_key.values().map(|member| &member.breaker).chain(&members.overflow).cloned().collect()
    }

    /// What the members have counted, those included that have left.
    pub(crate) fn sums(&self) -> Sums {
        let Some(family) = self.0.family.get() else { return Sums::default() };
        let mut sums = family.0.lock().left;
        self.members().iter().for_each(|member| sums.add(member));
        sums
    }

    /// A reset zeroes the counts of those too that are not there any more.
    pub(crate) fn forget_who_left(&self) {
        if let Some(family) = self.0.family.get() {
            family.0.lock().left = Sums::default();
        }
    }
}

impl Members {
    fn touch(&mut self, key: &str) -> Option<CircuitBreaker> {
        let member = self.by_key.get_mut(key)?;
        self.uses += 1;
        if let Some(key) = self.order.remove(&member.used) {
            self.order.insert(self.uses, key);
        }
        member.used = self.uses;
        Some(member.breaker.clone())
    }

    fn insert(&mut self, key: &str, breaker: CircuitBreaker) {
        self.uses += 1;
        self.order.insert(self.uses, key.into());
        self.by_key.insert(key.into(), Member { breaker, used: self.uses });
    }

    /// Lets the least recently used one go that is closed and that nobody holds: neither a call, nor an error, nor a handle.
    fn make_room(&mut self) -> Option<Member> {
        let idle = |key: &str| {
            let member = self.by_key.get(key);
            member.is_some_and(|member| member.breaker.is_unshared() && member.breaker.state() == State::Closed)
        };
        let used = self.order.iter().find(|(_, key)| idle(key.as_ref())).map(|(used, _)| *used)?;
        let gone = self.order.remove(&used).and_then(|key| self.by_key.remove(&key))?;
        self.left.add(&gone.breaker);
        Some(gone)
    }
}

impl Sums {
    fn add(&mut self, breaker: &CircuitBreaker) {
        let counts = breaker.read().counts;
        self.successes += breaker.successes();
        self.rejected += breaker.rejections();
        self.failures += counts.failures;
        self.ignored += counts.ignored;
        self.cancelled += counts.cancelled;
    }
}
