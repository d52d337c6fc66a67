//! The breakers of a function with `key = ..`: one for each key, bounded in number. Their parent,
//! which has the name without a key, holds their settings, observers and manual states. Calls go to
//! the keyed breakers.
//!
//! A look-up shares the lock of one part of the members. Everything else holds the lock of the family: members come and go, get a rest of their
//! own (`member`), and are changed together. Locks are taken in this order: the directory's, a member's layers, the family's, a part's, a member's
//! machine; those of the head are held by nobody who then takes another one.

pub(crate) mod bulk;
pub(crate) mod evict;
pub(crate) mod hash;
pub(crate) mod key;
pub(crate) mod member;
pub(crate) mod sums;
pub(crate) mod table;
pub(crate) mod worst;

use crate::breaker::function::Function;
use crate::breaker::gate::Gate;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::hash::KeyHash;
use crate::breaker::keyed::key::{Key, OVERFLOW, Value};
use crate::breaker::keyed::member::Member;
use crate::breaker::keyed::sums::Sums;
use crate::breaker::keyed::table::{Found, Table};
use crate::clock::{self, Tick};
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::Settings;
use crate::config::layers::Layers;
use crate::machine::Machine;
use crate::machine::packed::Word;
use crate::sync::statics::{AtomicBool, AtomicU64, OnceLock};
use crate::sync::{Arc, Mutex, Ordering, RwLock, SHARDS};

/// Up to so many members the longest unused one leaves. Of more it is the longest unused one of some, as in Redis (`maxmemory-samples`) and
/// for the same reason: an exact order would have to be kept at each use.
pub(crate) const EXACT: usize = 256;

pub(crate) struct Family {
    pub(crate) shards: [Shard; SHARDS],
    /// With few `max_keys` each use counts, with many each new member: so uses write nothing that threads share.
    uses: AtomicU64,
    pub(crate) exact: AtomicBool,
    hash: KeyHash,
    pub(crate) members: Mutex<Members>,
    /// The functions that call it.
    callers: Callers,
    /// The head, for members that somebody asks for who makes no call.
    head: OnceLock<&'static CircuitBreaker>,
}

/// Functions in the order in which they came, of which one is found without a lock. There are few.
#[derive(Default)]
struct Callers(OnceLock<Box<Calling>>);

/// One of them.
struct Calling {
    function: &'static Function,
    next: Callers,
}

/// A part of the members, on lines of its own.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Shard(pub(crate) RwLock<Table<Arc<Member>>>);

/// What is known of all members together.
#[derive(Default)]
pub(crate) struct Members {
    pub(crate) common: Option<Common>,
    pub(crate) count: usize,
    overflow: Option<Arc<Member>>,
    /// What those counted that have left.
    pub(crate) left: Sums,
    /// Where the next search for one that can leave begins: a shard, and a place there.
    pub(crate) hand: (usize, usize),
}

/// What holds for each member that was told nothing by itself.
pub(crate) struct Common {
    pub(crate) layers: Arc<Layers>,
    pub(crate) settings: Arc<Settings>,
    /// What a new one shows.
    word: Word,
}

impl Family {
    /// The member for `key`, made if there is none, for a call of this function; with the function's number. An idle one makes room (`evict`); when
    /// there is none, the key shares the overflow.
    pub(crate) fn member(
        &self,
        head: &'static CircuitBreaker,
        function: &'static Function,
        key: &str,
    ) -> CircuitBreaker {
        let value = Value::of(key);
        let hash = value.hash(&self.hash);
        let member = self.find(hash, value, |found| self.note_use(found));
        let member = member.unwrap_or_else(|| self.meet(head, hash, value));
        let number = function.number(|function| self.enter(function));
        CircuitBreaker(Handle::Member(member, u32::try_from(number).unwrap_or(0)))
    }
}

impl Default for Family {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            uses: AtomicU64::new(0),
            exact: AtomicBool::new(true),
            hash: KeyHash::default(),
            members: Mutex::default(),
            callers: Callers::default(),
            head: OnceLock::new(),
        }
    }
}

impl Family {
    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Table<Arc<Member>>> {
        &self.shards[(hash >> 32) as usize % SHARDS].0
    }

    #[inline]
    fn find(&self, hash: u64, value: Value<'_>, f: impl FnOnce(&Found<'_, Arc<Member>>)) -> Option<Arc<Member>> {
        let shard = self.shard(hash).read();
        let found = shard.find(hash, |member| member.key().is(value))?;
        f(&found);
        Some(Arc::clone(found.value))
    }

    #[inline]
    fn note_use(&self, found: &Found<'_, Arc<Member>>) {
        let last = self.uses.load(Ordering::Relaxed);
        if found.used() != last {
            let exact = self.exact.load(Ordering::Relaxed);
            found.use_at(if exact { self.next_use() } else { last });
        }
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Gives a function its number, which counts from 1.
    #[cold]
    fn enter(&self, function: &'static Function) -> usize {
        let (mut callers, mut number) = (&self.callers, 1);
        loop {
            let calling = callers.0.get_or_init(|| Box::new(Calling { function, next: Callers::default() }));
            if std::ptr::eq(calling.function, function) {
                return number;
            }
            (callers, number) = (&calling.next, number + 1);
        }
    }

    /// The function of this number.
    pub(crate) fn function(&self, number: u32) -> Option<&'static Function> {
        let mut calling = self.callers.0.get().filter(|_| number > 0)?;
        for _ in 1..number {
            calling = calling.next.0.get()?;
        }
        Some(calling.function)
    }

    /// The member for a value that was not found.
    #[cold]
    fn meet(&self, head: &'static CircuitBreaker, hash: u64, value: Value<'_>) -> Arc<Member> {
        self.settle(head, hash, value, |members| members.overflow(head)).unwrap_or_else(|shared| shared)
    }

    /// The member for a value that was not found; `Err`: what `full` gives, since there is no room for one more.
    fn settle<T>(
        &self,
        head: &'static CircuitBreaker,
        hash: u64,
        value: Value<'_>,
        full: impl FnOnce(&mut Members) -> T,
    ) -> Result<Arc<Member>, T> {
        // Dropped after the lock: listeners may have a `Drop` of their own.
        let mut gone = Vec::new();
        let mut members = self.members.lock();
        if let Some(found) = self.find(hash, value, |found| self.note_use(found)) {
            return Ok(found);
        }
        let most = members.common(head).settings.max_keys as usize;
        self.exact.store(most <= EXACT, Ordering::Relaxed);
        while members.count >= most {
            match self.evict(&mut members) {
                Some(evicted) => gone.push(evicted),
                None => return Err(full(&mut members)),
            }
        }
        let member = members.bear(head, Key::new(value));
        self.shard(hash).write().insert(hash, Arc::clone(&member), self.next_use());
        members.count += 1;
        Ok(member)
    }

    /// Each member, also the overflow. Only under the lock of the family, so that nobody comes or goes.
    pub(crate) fn each(&self, members: &Members, mut f: impl FnMut(&Arc<Member>)) {
        for shard in &self.shards {
            shard.0.read().values().for_each(&mut f);
        }
        members.overflow.iter().for_each(f);
    }
}

impl Members {
    /// What holds for each member that was told nothing by itself.
    pub(crate) fn common(&mut self, head: &CircuitBreaker) -> &Common {
        self.common.get_or_insert_with(|| Common::of(head))
    }

    fn bear(&mut self, head: &'static CircuitBreaker, key: Key) -> Arc<Member> {
        let heard = head.is_told();
        Arc::new(Member::new(head, key, self.common(head), heard, clock::now()))
    }

    fn overflow(&mut self, head: &'static CircuitBreaker) -> Arc<Member> {
        if let Some(known) = &self.overflow {
            return Arc::clone(known);
        }
        let member = self.bear(head, Key::Overflow);
        self.overflow = Some(Arc::clone(&member));
        member
    }
}

impl Common {
    fn of(head: &CircuitBreaker) -> Self {
        let layers = Arc::new(head.layers().for_member(&Layers::default()));
        let settings = Arc::new(layers.settings());
        let word = Machine::new(Arc::clone(&settings), 0, Tick::ZERO).publish().0;
        Self { layers, settings, word }
    }

    /// The gate of a new member.
    pub(crate) fn gate(&self, heard: bool) -> Gate {
        let gate = Gate::new();
        gate.set_places(self.settings.max_concurrent);
        gate.publish(self.word.with(if heard { Word::HEARD } else { 0 }), Tick::ZERO, self.settings.limits.of_breaker);
        gate
    }

    /// The machine of a member to which nothing has happened but changes of the generation.
    pub(crate) fn machine(&self, seed: u64, generation: u64, since: Tick) -> Machine {
        Machine::blank(Arc::clone(&self.settings), seed, generation, since)
    }
}

impl CircuitBreaker {
    /// Its members, if it is the head of some.
    pub(crate) fn family(&self) -> Option<&Family> {
        self.0.made()?.family.get().map(|family| &**family)
    }

    /// The breaker for one value of the `key`, made if there is none: to steer it before its first call. What it is told holds for the calls that come.
    ///
    /// A call of the function asks the breaker of all values first, while that is not closed: what holds for all is not shown by this one, nor
    /// does a call by its handle look at it.
    ///
    /// It counts towards `max_keys` as one that a call has made, and makes room for another value when it is idle. One that is held, forced open,
    /// disabled or in shadow by hand, or has settings of its own, stays.
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
    /// tenants.value("abusive")?.force_open();
    /// assert!(ask("abusive").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no annotated function with a `key` has this breaker (without the feature `register` a function has its breaker from its first call), or
    /// when there is no room for one more value: then calls for it go to the one that such values share, `NAME[*]`.
    pub fn value(&self, value: &str) -> Result<Self, ConfigError> {
        let refused = |kind, message: &str| {
            let place = format!("circuit breaker `{}`", self.name());
            Err(ConfigError::new(kind, place, format!("there is no breaker for a value of a `key`: {message}")))
        };
        if !self.0.made().is_some_and(|rest| rest.has_key.load(Ordering::Relaxed)) {
            return refused(ConfigErrorKind::UnknownName, "no annotated function with a `key` has it");
        }
        let family = self.0.family.get_or_init(Box::default);
        let head = family.head.get_or_init(|| Box::leak(Box::new(self.clone())));
        let value = Value::of(value);
        match family.settle(head, value.hash(&family.hash), value, |_| ()) {
            Ok(member) => Ok(Self(Handle::Member(member, 0))),
            Err(()) => refused(ConfigErrorKind::Conflict, "all `max_keys` of them are in use or steered; set more"),
        }
    }

    /// The member with this name within the brackets, if there is one, and else the one for this value; that is no use of it.
    pub(crate) fn known_member(&self, name: &str) -> Option<Self> {
        let family = self.family()?;
        let members = family.members.lock();
        let found = match name {
            OVERFLOW => members.overflow.clone(),
            name => Value::named(name, |value| family.find(value.hash(&family.hash), value, |_| ())),
        };
        Some(Self(Handle::Member(found?, 0)))
    }
}
