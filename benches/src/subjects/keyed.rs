//! Calls an annotated function with one breaker per host.

use crate::body::upstream;
use crate::cases::Case;
use crate::drive::Calls;
use crate::failure::{Failure, Fault};
use breaker_core::circuit_breaker;
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most hosts that have a breaker at a time.
pub const MOST_HOSTS: usize = 100_000;

/// A prime number, so that consecutive hosts are far apart and each of them gets its turn.
const STRIDE: usize = 7_919;

#[circuit_breaker(name = "keyed", key = host, max_keys = 100_000)]
async fn keyed<E: Failure>(host: &str, request: u64) -> Result<u64, E> {
    E::upstream(request)
}

/// Host names that live as long as the process.
#[must_use]
pub fn hosts(from: usize, count: usize) -> &'static [String] {
    (from..from + count).map(|number| format!("host-{number:06}.example")).collect::<Vec<_>>().leak()
}

/// Successful calls, each to a different host.
#[must_use]
pub fn keyed_calls(hosts: &'static [String]) -> Calls {
    calls::<Fault>(hosts)
}

/// Calls of which each goes to a different host, with any error type.
pub(super) fn calls<E: Failure>(hosts: &'static [String]) -> Calls {
    let mut place = 0;
    Calls::new::<_, false>(Case::Key, move |request| {
        place = (place + STRIDE) % hosts.len();
        keyed::<E>(&hosts[place], request)
    })
}

/// The same calls without breakers, each with a map look-up of its host. They show what the memory
/// of N hosts costs by itself.
#[must_use]
pub fn map_calls(hosts: &'static [String]) -> Calls {
    let map: HashMap<String, u64> = hosts.iter().cloned().zip(0..).collect();
    let (map, mut place) = (Arc::new(map), 0);
    Calls::new::<_, false>(Case::Key, async move |request| {
        place = (place + STRIDE) % hosts.len();
        black_box(map.get(&*hosts[place]));
        upstream(request)
    })
}

/// One call to each host, in order.
pub fn call_each(hosts: &'static [String]) {
    call_each_with::<Fault>(hosts);
}

/// One call to each host, with any error type.
pub(super) fn call_each_with<E: Failure>(hosts: &'static [String]) {
    let mut hosts = hosts.iter();
    let count = hosts.len() as u64;
    let call = move |request| keyed::<E>(hosts.next().map_or("", |host| host), request);
    Calls::new::<_, false>(Case::Key, call).run(count);
}

/// `quick_cache` in place of our table. Each host has in it what a breaker has.
#[derive(Clone, Debug)]
pub struct QuickCache(Arc<Cache<String, Arc<Entry>>>);

/// Has the size of a keyed breaker, and the words that a call of one reads and writes.
#[derive(Debug, Default)]
struct Entry {
    begun: AtomicU64,
    ended: AtomicU64,
    _between: [AtomicU64; 11],
    packed: AtomicU64,
    streak: AtomicU64,
    _rest: [AtomicU64; 15],
}

impl Entry {
    /// What a call does with the words of its breaker.
    fn count(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        black_box(self.packed.load(Ordering::Acquire) | self.streak.load(Ordering::Relaxed));
        self.ended.store(self.ended.load(Ordering::Relaxed) + 1, Ordering::Release);
    }
}

impl QuickCache {
    /// One with room for these hosts, which are in it.
    #[must_use]
    pub fn of(hosts: &[String]) -> Self {
        let cache = Self(Arc::new(Cache::new(MOST_HOSTS)));
        cache.insert_each(hosts);
        cache
    }

    /// Inserts these hosts too. Where there is no room, others leave.
    pub fn insert_each(&self, hosts: &[String]) {
        for host in hosts {
            self.0.insert(host.clone(), Arc::default());
        }
    }

    /// The calls of `keyed_calls`, each with a look-up and the counts in place of its breaker. They
    /// have no permit, and an entry may leave while it is in use.
    #[must_use]
    pub fn calls(&self, hosts: &'static [String]) -> Calls {
        let (cache, mut place) = (self.clone(), 0);
        Calls::new::<_, false>(Case::Key, async move |request| {
            place = (place + STRIDE) % hosts.len();
            if let Some(entry) = cache.0.get(&*hosts[place]) {
                entry.count();
            }
            upstream(request)
        })
    }
}
