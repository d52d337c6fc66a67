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
//! | `evict` | which one leaves when there are `max_keys` |
//! | `bulk`, `totals`, `worst` | operations on all; their counts; the worst for health |
//!
//! A look-up takes a shared lock of one shard. Everything else takes the lock of the keyed
//! breakers: insertion, eviction, cold states (`keyed_breaker`) and bulk operations. Locks are
//! taken in this order: the registry's, a keyed breaker's layers, the keyed breakers', a shard's, a
//! keyed breaker's machine. A thread that holds a lock of the parent's takes no other lock.
//!
//! May use: the other files of `breaker`, and what is below `breaker`. To add an operation on all
//! keyed breakers, write it in `bulk`, which takes the lock once for all of them.

pub(crate) mod bulk;
pub(crate) mod evict;
pub(crate) mod hash;
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
use crate::breaker::keyed::keyed_breaker::KeyedBreaker;
use crate::breaker::keyed::table::{Found, Table};
use crate::breaker::keyed::totals::KeyedTotals;
use crate::clock::{self, Tick};
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::Settings;
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::packed::PackedState;
use crate::sync::statics::{AtomicBool, AtomicU64, OnceLock};
use crate::sync::{Arc, Mutex, Ordering, RwLock, SHARDS};

/// Up to this many keys, the least recently used breaker is evicted. Above it, the choice is the
/// least recently used one of a sample, as in Redis (`maxmemory-samples`). The reason is the same:
/// an exact order would have to be maintained at each use.
pub(crate) const EXACT: usize = 256;

pub(crate) struct KeyedBreakers {
    pub(crate) shards: [Shard; SHARDS],
    /// With a small `max_keys` each use increments this, otherwise each new key. So with many keys
    /// a use writes nothing that threads share.
    uses: AtomicU64,
    pub(crate) exact: AtomicBool,
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
    /// The breaker for `key`, created if there is none, for a call of this function; with the
    /// function's number. At the limit an idle one is evicted (`evict`). If there is none, the key
    /// shares the overflow breaker.
    pub(crate) fn keyed_breaker(
        &self,
        parent: &'static CircuitBreaker,
        function: &'static Function,
        key: &str,
    ) -> CircuitBreaker {
        let value = Value::of(key);
        let hash = value.hash(&self.hash);
        let keyed_breaker = self.find(hash, value, |found| self.record_use(found));
        let keyed_breaker = keyed_breaker.unwrap_or_else(|| self.create_or_share(parent, hash, value));
        let number = function.number(|function| self.register(function));
        CircuitBreaker(Handle::KeyedBreaker(keyed_breaker, u32::try_from(number).unwrap_or(0)))
    }
}

impl Default for KeyedBreakers {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            uses: AtomicU64::new(0),
            exact: AtomicBool::new(true),
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

    #[inline]
    fn find(
        &self,
        hash: u64,
        value: Value<'_>,
        f: impl FnOnce(&Found<'_, Arc<KeyedBreaker>>),
    ) -> Option<Arc<KeyedBreaker>> {
        let shard = self.shard(hash).read();
        let found = shard.find(hash, |keyed_breaker| keyed_breaker.key().is(value))?;
        f(&found);
        Some(Arc::clone(found.value))
    }

    #[inline]
    fn record_use(&self, found: &Found<'_, Arc<KeyedBreaker>>) {
        let last = self.uses.load(Ordering::Relaxed);
        if found.used() != last {
            let exact = self.exact.load(Ordering::Relaxed);
            found.use_at(if exact { self.next_use() } else { last });
        }
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed) + 1
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
    fn create_or_share(&self, parent: &'static CircuitBreaker, hash: u64, value: Value<'_>) -> Arc<KeyedBreaker> {
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
    ) -> Result<Arc<KeyedBreaker>, T> {
        // Dropped after the lock: listeners may have a `Drop` of their own.
        let mut gone = Vec::new();
        let mut index = self.index.lock();
        if let Some(found) = self.find(hash, value, |found| self.record_use(found)) {
            return Ok(found);
        }
        let most = index.common(parent).settings.max_keys as usize;
        self.exact.store(most <= EXACT, Ordering::Relaxed);
        while index.count >= most {
            match self.evict(&mut index) {
                Some(evicted) => gone.push(evicted),
                None => return Err(full(&mut index)),
            }
        }
        let keyed_breaker = index.create(parent, Key::new(value));
        self.shard(hash).write().insert(hash, Arc::clone(&keyed_breaker), self.next_use());
        index.count += 1;
        Ok(keyed_breaker)
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

    fn create(&mut self, parent: &'static CircuitBreaker, key: Key) -> Arc<KeyedBreaker> {
        let observed = parent.observed_flags();
        Arc::new(KeyedBreaker::new(parent, key, self.common(parent), observed, clock::now()))
    }

    fn overflow(&mut self, parent: &'static CircuitBreaker) -> Arc<KeyedBreaker> {
        if let Some(known) = &self.overflow {
            return Arc::clone(known);
        }
        let keyed_breaker = self.create(parent, Key::Overflow);
        self.overflow = Some(Arc::clone(&keyed_breaker));
        keyed_breaker
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
        let value = Value::of(key);
        let hash = value.hash(&keyed.hash);
        let found = keyed.find(hash, value, |found| keyed.record_use(found));
        let found = found.unwrap_or_else(|| keyed.create_or_share(parent, hash, value));
        Self(Handle::KeyedBreaker(found, 0))
    }

    /// The keyed breaker with this name within the brackets, if there is one, otherwise the one for
    /// this key. This does not count as a use.
    pub(crate) fn known_keyed_breaker(&self, name: &str) -> Option<Self> {
        let keyed = self.keyed()?;
        let index = keyed.index.lock();
        let found = match name {
            OVERFLOW => index.overflow.clone(),
            name => Value::named(name, |value| keyed.find(value.hash(&keyed.hash), value, |_| ())),
        };
        Some(Self(Handle::KeyedBreaker(found?, 0)))
    }
}
