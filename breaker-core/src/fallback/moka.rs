//! Provides the built-in cache of a `cache(key = ..)` step without a store, and moka's caches as
//! stores (feature `moka`).

use crate::call::result::Fallible;
use crate::fallback::cache::{CacheCallsite, Fresh, cached_sync, keep_sync};
use crate::fallback::context::FallbackContext;
use crate::fallback::store::{CacheStore, Stored, SyncCacheStore};
use crate::sync::Arc;
use crate::sync::statics::Mutex;
use moka::policy::EvictionPolicy;
use std::any::{Any, TypeId};
use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

impl<K, V, S> CacheStore<K, V> for moka::future::Cache<K, Stored<V>, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    type Error = Infallible;

    async fn get(&self, key: &K) -> Result<Option<Stored<V>>, Infallible> {
        Ok(self.get(key).await)
    }

    async fn put(&self, key: K, answer: Stored<V>) -> Result<(), Infallible> {
        self.insert(key, answer).await;
        Ok(())
    }
}

impl<K, V, S> SyncCacheStore<K, V> for moka::sync::Cache<K, Stored<V>, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    type Error = Infallible;

    fn get(&self, key: &K) -> Result<Option<Stored<V>>, Infallible> {
        Ok(self.get(key))
    }

    fn put(&self, key: K, answer: Stored<V>) -> Result<(), Infallible> {
        self.insert(key, answer);
        Ok(())
    }
}

/// The key of the built-in cache, of any type. It equals only a key of the same type and value.
#[derive(Clone)]
pub struct BuiltInKey(Arc<dyn Comparable>);

trait Comparable: Any + Send + Sync {
    fn hash_into(&self, hasher: &mut dyn Hasher);
    fn is(&self, other: &dyn Comparable) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<K: Findable> Comparable for K {
    fn hash_into(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }

    fn is(&self, other: &dyn Comparable) -> bool {
        other.as_any().downcast_ref().is_some_and(|other: &K| self == other)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Hash for BuiltInKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash_into(hasher);
    }
}

impl PartialEq for BuiltInKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(&*other.0)
    }
}

impl Eq for BuiltInKey {}

impl fmt::Debug for BuiltInKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BuiltInKey")
    }
}

/// What the built-in cache needs of its key.
#[diagnostic::on_unimplemented(
    message = "`cache(..)` finds an answer by its key, but `{Self}` is not `Hash + Eq`",
    label = "cannot be looked up",
    note = "derive `Hash`, `PartialEq` and `Eq` for it, or make a text of it: `key = format!(..)`",
    note = "it has to be `Send + Sync + 'static` too"
)]
pub trait Findable: Hash + Eq + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<K: Hash + Eq + Send + Sync + 'static> Findable for K {}

/// What the built-in cache needs of an answer beside `Clone`.
#[diagnostic::on_unimplemented(
    message = "`cache(..)` keeps answers for other threads, but `{Self}` is not `Send + Sync`",
    label = "cannot be kept in the built-in cache",
    note = "give a `store` of your own: `cache(store = EXPR, key = EXPR)`"
)]
pub trait Lasting: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<V: Send + Sync + 'static> Lasting for V {}

type Cache<V> = moka::sync::Cache<BuiltInKey, Stored<V>>;

/// Identifies a function with all its type arguments, and a type of answer.
type CacheId = (TypeId, TypeId);

/// The caches of one step: one for each instance of a generic function. They live as long as the
/// process, in an isolated test too.
#[derive(Default)]
pub(crate) struct Caches(Mutex<Vec<(CacheId, &'static (dyn Any + Send + Sync))>>);

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Caches").field(&self.0.lock().len()).finish()
    }
}

impl Caches {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn of<V: Lasting>(&self, built_in: &BuiltIn) -> Option<&'static Cache<V>> {
        let id = (built_in.instance, TypeId::of::<Cache<V>>());
        let mut caches = self.0.lock();
        let known = caches.iter().find(|(known, _)| *known == id).map(|(_, cache)| *cache);
        let cache = known.unwrap_or_else(|| {
            let cache: &'static (dyn Any + Send + Sync) = Box::leak(Box::new(built_in.cache::<V>()));
            caches.push((id, cache));
            cache
        });
        cache.downcast_ref()
    }
}

/// The built-in cache of one step, as its function sees it. What an expansion calls takes it by
/// value. rustc prefers a method that the user gave to all types to one that borrows.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    step: &'static CacheCallsite,
    instance: TypeId,
    max: u32,
    ttl: Duration,
}

/// moka accepts no longer time.
const LONGEST: Duration = Duration::from_secs(1000 * 365 * 24 * 3600);

impl BuiltIn {
    /// `_instance` is a closure of the function. Its type differs for each instance of a generic
    /// function, and such instances must not share answers. The attribute makes constants of `max`
    /// and `ttl`, and checks them:
    ///
    /// ```compile_fail,E0080
    /// const NONE: u32 = 0;
    /// #[breaker_core::circuit_breaker]
    /// #[breaker_core::fallback(cache(key = (), max = NONE))]
    /// fn f() -> Result<(), breaker_core::CircuitBreakerError> { Ok(()) }
    /// ```
    ///
    /// ```compile_fail,E0080
    /// #[breaker_core::circuit_breaker]
    /// #[breaker_core::fallback(cache(key = (), ttl = std::time::Duration::ZERO))]
    /// fn f() -> Result<(), breaker_core::CircuitBreakerError> { Ok(()) }
    /// ```
    #[must_use]
    pub fn new<F>(step: &'static CacheCallsite, _instance: F, max: u32, ttl: Duration) -> Self {
        Self { step, instance: typeid::of::<F>(), max, ttl }
    }

    /// A key as the cache keeps it.
    pub fn key<K: Findable>(self, key: K) -> BuiltInKey {
        BuiltInKey(Arc::new(key))
    }

    /// Reads an earlier answer.
    pub fn cached<R>(self, rejection: &FallbackContext<'_>, key: &BuiltInKey) -> Option<Stored<R::Ok>>
    where
        R: Fallible<Ok: Lasting>,
    {
        cached_sync::<R, _, _>(rejection, self.step, key, &self)
    }

    /// Stores an answer.
    pub fn keep<V: Lasting>(self, fresh: &Fresh, key: BuiltInKey, answer: Stored<V>) {
        keep_sync(fresh, self.step, key, answer, &self);
    }

    /// The least recently used answers leave first. moka counts the time to live too, by its own
    /// clock, so that old answers do not take up memory.
    fn cache<V: Lasting>(&self) -> Cache<V> {
        let builder = Cache::builder().max_capacity(self.max.into()).time_to_live(self.ttl.min(LONGEST));
        builder.eviction_policy(EvictionPolicy::lru()).build()
    }
}

impl<V: Lasting> SyncCacheStore<BuiltInKey, V> for BuiltIn {
    type Error = Infallible;

    fn get(&self, key: &BuiltInKey) -> Result<Option<Stored<V>>, Infallible> {
        let found = self.step.state().built_in.of::<V>(self).and_then(|cache| cache.get(key));
        Ok(found.filter(|stored| stored.age() < self.ttl))
    }

    fn put(&self, key: BuiltInKey, answer: Stored<V>) -> Result<(), Infallible> {
        if let Some(cache) = self.step.state().built_in.of::<V>(self) {
            cache.insert(key, answer);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SITE: CacheCallsite = CacheCallsite::new("test");

    fn key<K: Findable>(key: K) -> BuiltInKey {
        BuiltInKey(Arc::new(key))
    }

    #[test]
    fn keys_are_equal_by_type_and_value_and_never_by_hash_alone() {
        /// All values have one hash.
        #[derive(PartialEq, Eq)]
        struct Crowded(u8);
        impl Hash for Crowded {
            fn hash<H: Hasher>(&self, hasher: &mut H) {
                hasher.write_u8(0);
            }
        }
        let built_in = BuiltIn::new(&SITE, || {}, 10, Duration::from_secs(60));
        built_in.put(key(Crowded(1)), Stored::new("one")).unwrap();
        let found = |key| SyncCacheStore::<_, &str>::get(&built_in, &key).unwrap().map(Stored::into_value);
        assert_eq!(found(key(Crowded(1))), Some("one"));
        assert_eq!(found(key(Crowded(2))), None);
        assert!(key(1_u8) != key(1_i8) && key(String::from("a")) == key(String::from("a")));
    }

    #[test]
    fn no_more_answers_are_kept_than_max_and_those_used_last_stay() {
        let built_in = BuiltIn::new(&SITE, || {}, 2, Duration::from_secs(60));
        for answer in 0..5_u64 {
            built_in.put(key(answer), Stored::new(answer)).unwrap();
        }
        let cache: &Cache<u64> = SITE.state().built_in.of(&built_in).unwrap();
        cache.run_pending_tasks();
        assert_eq!(cache.entry_count(), 2);
        assert_eq!(cache.get(&key(4_u64)).map(Stored::into_value), Some(4));
        assert!(cache.get(&key(0_u64)).is_none());
    }

    #[test]
    fn the_longest_time_to_live_is_no_error() {
        let built_in = BuiltIn::new(&SITE, || {}, u32::MAX, Duration::MAX);
        built_in.put(key(()), Stored::new(1.5)).unwrap();
        assert_eq!(SyncCacheStore::<_, f64>::get(&built_in, &key(())).unwrap().map(Stored::into_value), Some(1.5));
    }
}
