//! Family: the breakers of a function with `key = ..`, one per value, bounded in number. The head, which has the name without a
//! value, holds their settings, listeners and manual states; calls go to the members.

use crate::breaker::{Called, CircuitBreaker};
use crate::layers::Layers;
use crate::site::Link;
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
    overflow: Option<Member>,
    /// What those counted that have left.
    left: Sums,
}

struct Member {
    breaker: CircuitBreaker,
    used: u64,
    /// For each function that has called it.
    called: Vec<Arc<Called>>,
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
    /// The member for `key`, made if there is none, for a call of this function. The least recently used one that is closed and
    /// idle makes room; when there is no such one, the key shares the overflow.
    pub(crate) fn member(&self, key: &str, by: &'static Link) -> Arc<Called> {
        // Dropped after the lock: listeners may have a `Drop` of their own.
        let mut gone = Vec::new();
        let mut members = self.0.family.get_or_init(Family::default).0.lock();
        if let Some(found) = members.touch(key) {
            return found.called(by);
        }
        let most = self.config().max_keys as usize;
        while members.by_key.len() >= most {
            match members.make_room() {
                Some(idle) => gone.push(idle),
                None => {
                    let bear = || Member::new(self.bear(OVERFLOW), 0);
                    return members.overflow.get_or_insert_with(bear).called(by);
                }
            }
        }
        let breaker = self.bear(key);
        members.insert(key, breaker).called(by)
    }

    fn bear(&self, key: &str) -> Self {
        let layers = self.0.layers.lock().for_member(&Layers::default());
        let member = Self::with_layers(format!("{}[{key}]", self.name()), layers, false);
        let listeners = Arc::clone(&self.0.listeners.lock());
        listeners.iter().for_each(|listener| member.add_shared_listener(listener));
        member
    }

    /// The member of this key, if there is one; that is no use of it.
    pub(crate) fn known_member(&self, key: &str) -> Option<Self> {
        let members = self.0.family.get()?.0.lock();
        let overflow = members.overflow.as_ref().filter(|_| key == OVERFLOW);
        members.by_key.get(key).or(overflow).map(|member| member.breaker.clone())
    }

    /// The members at this moment; none for a breaker without keys.
    pub(crate) fn members(&self) -> Vec<Self> {
        let Some(family) = self.0.family.get() else { return Vec::new() };
        family.0.lock().breakers()
    }

    /// What the members have counted, those included that have left.
    pub(crate) fn sums(&self) -> Sums {
        let Some(family) = self.0.family.get() else { return Sums::default() };
        // At one moment: nobody leaves who is held here.
        let (mut sums, present) = {
            let members = family.0.lock();
            (members.left, members.breakers())
        };
        present.iter().for_each(|member| sums.add(member));
        sums
    }

    /// Zeroes the counts of those too that are not there any more.
    pub(crate) fn reset_members(&self) {
        let Some(family) = self.0.family.get() else { return };
        let present = {
            let mut members = family.0.lock();
            members.left = Sums::default();
            members.breakers()
        };
        present.iter().for_each(Self::reset);
    }
}

impl Members {
    fn breakers(&self) -> Vec<CircuitBreaker> {
        self.by_key.values().chain(&self.overflow).map(|member| member.breaker.clone()).collect()
    }

    fn touch(&mut self, key: &str) -> Option<&mut Member> {
        let member = self.by_key.get_mut(key)?;
        self.uses += 1;
        if let Some(key) = self.order.remove(&member.used) {
            self.order.insert(self.uses, key);
        }
        member.used = self.uses;
        Some(member)
    }

    fn insert(&mut self, key: &str, breaker: CircuitBreaker) -> &mut Member {
        self.uses += 1;
        self.order.insert(self.uses, key.into());
        let member = Member::new(breaker, self.uses);
        self.by_key.entry(key.into()).insert_entry(member).into_mut()
    }

    /// Lets the least recently used one go that is closed and that nobody holds: neither a call, nor an error, nor a handle.
    fn make_room(&mut self) -> Option<Member> {
        let idle = |key: &str| {
            let member = self.by_key.get(key);
            member.is_some_and(|member| member.is_unheld() && member.breaker.state() == State::Closed)
        };
        let used = self.order.iter().find(|(_, key)| idle(key.as_ref())).map(|(used, _)| *used)?;
        let gone = self.order.remove(&used).and_then(|key| self.by_key.remove(&key))?;
        self.left.add(&gone.breaker);
        Some(gone)
    }
}

impl Member {
    const fn new(breaker: CircuitBreaker, used: u64) -> Self {
        Self { breaker, used, called: Vec::new() }
    }

    /// What a call of this function holds.
    fn called(&mut self, by: &'static Link) -> Arc<Called> {
        if let Some(known) = self.called.iter().find(|called| std::ptr::eq(called.by, by)) {
            return Arc::clone(known);
        }
        let called = Arc::new(Called { breaker: self.breaker.clone(), by });
        self.called.push(Arc::clone(&called));
        called
    }

    /// Whether there is no call under way, nor an error or a handle of it.
    fn is_unheld(&self) -> bool {
        self.breaker.has_handles(1 + self.called.len())
            && self.called.iter().all(|called| Arc::strong_count(called) == 1)
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
