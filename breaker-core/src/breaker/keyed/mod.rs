//! Holds the breakers of a function with `key = ..`: one for each key, bounded in number.
//!
//! Their parent has the name without a key. It holds their settings, observers and manual states.
//! Calls go to the keyed breakers.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | look-up, insertion, and what is known of all |
//! | `keyed_breaker` | one of them, and when it gets a state of its own |
//! | `key`, `hash`, `table` | keys and their names; their hashes; the table that finds them |
//! | `in_use`, `cache` | a use of one; those that a thread used last |
//! | `evict` | which one leaves when there are `max_keys` |
//! | `bulk`, `totals`, `worst` | operations on all; their counts; the worst for health |
//!
//! A thread finds what it used lately in its `cache`. Another look-up takes a shared lock of one
//! shard. Everything else takes the lock of the keyed breakers: insertion, eviction, cold states
//! (`keyed_breaker`) and bulk operations. Locks are taken in this order: the registry's, a keyed
//! breaker's layers, the keyed breakers', a shard's, a keyed breaker's machine. A thread that holds
//! a lock of the parent's takes no other lock.
//!
//! May use: the other files of `breaker`, and what is below `breaker`. To add an operation on all
//! keyed breakers, write it in `bulk`, which takes the lock once for all of them.

pub(crate) mod bulk;
mod cache;
pub(crate) mod evict;
pub(crate) mod hash;
pub(crate) mod in_use;
pub(crate) mod key;
pub(crate) mod keyed_breaker;
pub(crate) mod table;
pub(crate) mod totals;
pub(crate) mod worst;

use crate::breaker::function::Function;
use crate::breaker::gate::Gate;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::hash::KeyHash;
use crate::breaker::keyed::key::{Key, OVERFLOW, Value};
use crate::breaker::keyed::keyed_breaker::{InUse, KeyedBreaker};
use crate::breaker::keyed::table::Table;
use crate::breaker::keyed::totals::KeyedTotals;
use crate::clock::{self, Tick};
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::Settings;
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::packed::PackedState;
use crate::sync::statics::{AtomicU32, OnceLock};
use crate::sync::{Arc, Mutex, Ordering, RwLock, SHARDS};

/// Up to this many keys, all are searched for the one to evict. Above it, the choice is the least
/// recently used one of a sample, as in Redis (`maxmemory-samples`).
pub(crate) const EXACT: usize = 256;

pub(crate) struct KeyedBreakers {
    pub(crate) shards: [Shard; SHARDS],
    /// The present stamp. A breaker gets it with its first use under it, so that other uses write
    /// nothing for it. A new key has one of its own, and it advances now and then with a thread's
    /// calls.
    stamp: AtomicU32,
    hash: KeyHash,
    pub(crate) index: Mutex<KeyedIndex>,
    /// The functions that call the breakers.
    callers: Callers,
    /// The parent, for keyed breakers that are requested without a call.
    parent: OnceLock<&'static CircuitBreaker>,
}

/// Functions in the order of their first calls. One is found without a lock. There are few.
#[derive(Default)]
struct Callers(OnceLock<Box<Calling>>);

/// One of them.
struct Calling {
    function: &'static Function,
    next: Callers,
}

/// A part of the keyed breakers, on its own cache lines.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Shard(pub(crate) RwLock<Table<Arc<KeyedBreaker>>>);

/// The data of all keyed breakers.
#[derive(Default)]
pub(crate) struct KeyedIndex {
    pub(crate) common: Option<Common>,
    pub(crate) count: usize,
    overflow: Option<Arc<KeyedBreaker>>,
    /// The counts of evicted breakers.
    pub(crate) evicted: KeyedTotals,
    /// The scan cursor, where the next search for an eviction begins: a shard, and a place there.
    pub(crate) cursor: (usize, usize),
}

/// The data of each keyed breaker without settings of its own.
pub(crate) struct Common {
    pub(crate) layers: Arc<Layers>,
    pub(crate) settings: Arc<Settings>,
    /// The packed state of a new one.
    packed: PackedState,
}

impl KeyedBreakers {
    /// Begins a use of the breaker for `key`, created if there is none. At the limit an idle one is
    /// evicted (`evict`). If there is none, the key shares the overflow breaker.
    #[inline]
    pub(crate) fn use_key(&self, parent: &'static CircuitBreaker, key: &str) -> InUse {
        let value = Value::of(key);
        let hash = value.hash(&self.hash);
        let (kept, begins_stamp) = keyed_breaker::take(short(hash), |kept| kept.is(parent, value));
        let stamp = if begins_stamp { self.next_stamp() } else { self.stamp.load(Ordering::Relaxed) };
        let begin = |kept: Arc<KeyedBreaker>| {
            let recent = kept.use_at(stamp);
            InUse::begin(kept, recent).ok()
        };
        kept.and_then(begin).unwrap_or_else(|| self.find_or_create(parent, hash, value, stamp))
    }

    /// The number of a function that calls the breakers.
    #[inline]
    pub(crate) fn number(&self, function: &'static Function) -> u32 {
        let number = function.number(|function| self.register(function));
        u32::try_from(number).unwrap_or(0)
    }
}

/// The half of a hash by which threads keep breakers.
#[inline]
const fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Default for KeyedBreakers {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            stamp: AtomicU32::new(0),
            hash: KeyHash::default(),
            index: Mutex::default(),
            callers: Callers::default(),
            parent: OnceLock::new(),
        }
    }
}

impl KeyedBreakers {
    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Table<Arc<KeyedBreaker>>> {
        &self.shards[(hash >> 32) as usize % SHARDS].0
    }

    /// Begins a use of the breaker for a key. `None`: there is none, or it is being evicted. Under
    /// the lock of the keyed breakers none is.
    fn find(&self, hash: u64, value: Value<'_>) -> Option<InUse> {
        let found = {
            let shard = self.shard(hash).read();
            Arc::clone(shard.find(hash, |keyed_breaker| keyed_breaker.key().is(value))?)
        };
        InUse::begin(found, false).ok()
    }

    /// Begins a use of the breaker for a key that this thread has not kept.
    #[inline(never)]
    fn find_or_create(&self, parent: &'static CircuitBreaker, hash: u64, value: Value<'_>, stamp: u32) -> InUse {
        let Some(found) = self.find(hash, value) else { return self.create_or_share(parent, hash, value) };
        found.use_at(stamp);
        found
    }

    #[cold]
    fn next_stamp(&self) -> u32 {
        self.stamp.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Gives a function its number, counting from 1.
    #[cold]
    fn register(&self, function: &'static Function) -> usize {
        let (mut callers, mut number) = (&self.callers, 1);
        loop {
            let calling = callers.0.get_or_init(|| Box::new(Calling { function, next: Callers::default() }));
            if std::ptr::eq(calling.function, function) {
                return number;
            }
            (callers, number) = (&calling.next, number + 1);
        }
    }

    /// The function with this number.
    pub(crate) fn function(&self, number: u32) -> Option<&'static Function> {
        let mut calling = self.callers.0.get().filter(|_| number > 0)?;
        for _ in 1..number {
            calling = calling.next.0.get()?;
        }
        Some(calling.function)
    }

    /// The breaker for a key that was not found.
    #[cold]
    fn create_or_share(&self, parent: &'static CircuitBreaker, hash: u64, value: Value<'_>) -> InUse {
        self.get_or_create(parent, hash, value, |index| index.overflow(parent)).unwrap_or_else(|overflow| overflow)
    }

    /// The breaker for a key that was not found; `Err`: the result of `full`, since the limit is
    /// reached.
    fn get_or_create<T>(
        &self,
        parent: &'static CircuitBreaker,
        hash: u64,
        value: Value<'_>,
        full: impl FnOnce(&mut KeyedIndex) -> T,
    ) -> Result<InUse, T> {
        // Dropped after the lock: listeners may have a `Drop` of their own.
        let mut gone = Vec::new();
        let mut index = self.index.lock();
        if let Some(found) = self.find(hash, value) {
            found.use_at(self.stamp.load(Ordering::Relaxed));
            return Ok(found);
        }
        let most = index.common(parent).settings.max_keys as usize;
        while index.count >= most {
            match self.evict(&mut index) {
                Some(evicted) => gone.push(evicted),
                None => return Err(full(&mut index)),
            }
        }
        let keyed_breaker = index.create(parent, (Key::new(value), short(hash)));
        // A stamp of its own: what was used before it is older, and what is used after it younger.
        keyed_breaker.use_at(self.next_stamp());
        self.next_stamp();
        let in_use = InUse::of_known(&keyed_breaker);
        self.shard(hash).write().insert(hash, keyed_breaker);
        index.count += 1;
        Ok(in_use)
    }

    /// Each keyed breaker, also the overflow breaker. Requires the lock of the keyed breakers, so
    /// that none is inserted or evicted.
    pub(crate) fn each(&self, index: &KeyedIndex, mut f: impl FnMut(&Arc<KeyedBreaker>)) {
        for shard in &self.shards {
            shard.0.read().values().for_each(&mut f);
        }
        index.overflow.iter().for_each(f);
    }
}

impl KeyedIndex {
    /// The data of each keyed breaker without settings of its own.
    pub(crate) fn common(&mut self, parent: &CircuitBreaker) -> &Common {
        self.common.get_or_insert_with(|| Common::of(parent))
    }

    fn create(&mut self, parent: &'static CircuitBreaker, key: (Key, u32)) -> Arc<KeyedBreaker> {
        let gate = self.common(parent).gate(parent.observed_flags());
        Arc::new(KeyedBreaker::new(parent, key, gate, clock::now()))
    }

    fn overflow(&mut self, parent: &'static CircuitBreaker) -> InUse {
        if let Some(known) = &self.overflow {
            return InUse::of_known(known);
        }
        // No key finds it, so its hash has no meaning.
        let keyed_breaker = self.create(parent, (Key::Overflow, 0));
        InUse::of_known(self.overflow.insert(keyed_breaker))
    }
}

impl Common {
    fn of(parent: &CircuitBreaker) -> Self {
        let layers = Arc::new(parent.layers().for_member(&Layers::default()));
        let settings = Arc::new(layers.settings());
        let packed = Machine::new(Arc::clone(&settings), 0, Tick::ZERO).publish().packed;
        Self { layers, settings, packed }
    }

    /// The gate of a new keyed breaker.
    pub(crate) fn gate(&self, observed: u64) -> Gate {
        let gate = Gate::new();
        gate.set_places(self.settings.max_concurrent);
        gate.publish(self.packed.with(observed), Tick::ZERO, self.settings.limits.of_breaker);
        gate
    }

    /// The machine of a keyed breaker with no events but changes of the generation.
    pub(crate) fn machine(&self, seed: u64, generation: u64, since: Tick) -> Machine {
        Machine::blank(Arc::clone(&self.settings), seed, generation, since)
    }
}

impl CircuitBreaker {
    /// Its keyed breakers, if it is a parent.
    pub(crate) fn keyed(&self) -> Option<&KeyedBreakers> {
        self.0.initialized()?.keyed.get().map(|keyed| &**keyed)
    }

    /// The breaker for one key, created if there is none. Use it to control the breaker before its
    /// first call.
    ///
    /// A manual state or a setting applies to the calls that come. A call of the function also
    /// checks the parent first, while the parent is not closed. This breaker does not show the
    /// state of its parent, and a call by its handle does not check the parent.
    ///
    /// It counts towards `max_keys` like one that a call has created, and can be evicted when it is
    /// idle. It is not evicted while a handle exists, or while it is forced open, disabled or in
    /// shadow manually. Nor is it evicted if it has settings of its own.
    ///
    /// ```
    /// use breaker_core::{CircuitBreakerError, Registry, circuit_breaker};
    ///
    /// #[circuit_breaker(name = "tenants", key = tenant)]
    /// fn ask(tenant: &str) -> Result<(), CircuitBreakerError> {
    ///     Ok(())
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # ask("first")?;
    /// let tenants = Registry::global().get("tenants").ok_or("no such breaker")?;
    /// tenants.for_key("abusive")?.force_open();
    /// assert!(ask("abusive").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no annotated function with a `key` has this breaker. Without the feature `register` a
    /// function has its breaker from its first call. Also when the limit is reached and no breaker
    /// can be evicted: then calls for the key go to the overflow breaker, `NAME[*]`.
    pub fn for_key(&self, key: &str) -> Result<Self, ConfigError> {
        let refused = |kind, message: &str| {
            let place = format!("circuit breaker `{}`", self.name());
            Err(ConfigError::new(kind, place, format!("there is no breaker for this key: {message}")))
        };
        if !self.0.initialized().is_some_and(|cold| cold.has_key.load(Ordering::Relaxed)) {
            return refused(ConfigErrorKind::UnknownName, "no annotated function with a `key` uses it");
        }
        let keyed = self.0.keyed.get_or_init(Box::default);
        let parent = keyed.parent.get_or_init(|| Box::leak(Box::new(self.clone())));
        let value = Value::of(key);
        match keyed.get_or_create(parent, value.hash(&keyed.hash), value, |_| ()) {
            Ok(keyed_breaker) => Ok(Self(Handle::KeyedBreaker(keyed_breaker, 0))),
            Err(()) => refused(
                ConfigErrorKind::Conflict,
                "all `max_keys` keyed breakers are in use, or have their own settings or state; raise `max_keys`",
            ),
        }
    }

    /// The breaker of a key for calls by a handle, created if there is none. If that is not
    /// possible, the overflow breaker.
    pub(crate) fn of_key(&self, key: &str) -> Self {
        self.0.has_key.store(true, Ordering::Relaxed);
        let keyed = self.0.keyed.get_or_init(Box::default);
        let parent = keyed.parent.get_or_init(|| Box::leak(Box::new(self.clone())));
        Self(Handle::KeyedBreaker(keyed.use_key(parent, key), 0))
    }

    /// The keyed breaker with this name within the brackets, if there is one, otherwise the one for
    /// this key. This does not count as a use.
    pub(crate) fn known_keyed_breaker(&self, name: &str) -> Option<Self> {
        let keyed = self.keyed()?;
        let index = keyed.index.lock();
        let found = match name {
            OVERFLOW => index.overflow.as_ref().map(InUse::of_known),
            name => Value::named(name, |value| keyed.find(value.hash(&keyed.hash), value)),
        };
        Some(Self(Handle::KeyedBreaker(found?, 0)))
    }
}
