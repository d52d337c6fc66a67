//! Defines where a `cache(..)` step keeps answers, and an answer with the time when it was stored.

use crate::clock::{self, Tick};
use crate::sync::Arc;
use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, SystemTime};

/// An answer, and when it was stored. A [`CacheStore`] keeps it for a `cache(..)` step, so that a
/// served answer has an age. Clones share the answer.
///
/// The age follows the breaker's clock: monotonic, and with the feature `test-util` tokio's.
#[derive(Debug)]
pub struct Stored<V> {
    value: Arc<V>,
    at: Tick,
}

impl<V> Clone for Stored<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), at: self.at }
    }
}

impl<V> Stored<V> {
    /// An answer that is stored now.
    #[must_use]
    pub fn new(value: V) -> Self {
        Self { value: Arc::new(value), at: clock::now() }
    }

    /// An answer that was stored at that time of the day. It is for stores outside of the process,
    /// which keep [`stored_at`](Self::stored_at) with it. A time in the future means now.
    #[must_use]
    pub fn with_time(value: V, at: SystemTime) -> Self {
        let age = SystemTime::now().duration_since(at).unwrap_or_default();
        Self { value: Arc::new(value), at: clock::now().before(age) }
    }

    /// The answer.
    #[must_use]
    pub fn value(&self) -> &V {
        &self.value
    }

    /// The answer itself, or a copy of it where a clone is still kept.
    #[must_use]
    pub fn into_value(self) -> V
    where
        V: Clone,
    {
        Arc::unwrap_or_clone(self.value)
    }

    /// How long it has been stored.
    #[must_use]
    pub fn age(&self) -> Duration {
        clock::now().since(self.at)
    }

    /// The time of the day at which it was stored.
    #[must_use]
    pub fn stored_at(&self) -> SystemTime {
        clock::wall(self.at)
    }
}

/// A store for answers that takes time to reach: `cache(store = EXPR, key = ..)` of
/// [`macro@crate::fallback`], in an `async fn`.
///
/// An error says that the store does not work. It never fails the call: what cannot be read is not
/// served, and what cannot be stored is answered all the same.
/// [`Listener::on_store_failure`](crate::Listener::on_store_failure) reports it. The same applies
/// to a panic. It also applies to a store that has not answered after 250 ms (in a tokio runtime
/// with a timer). Its future is dropped then.
///
/// With the feature `moka`, a `moka::future::Cache<K, Stored<V>>` is one. Stores that never wait
/// are a [`SyncCacheStore`] instead. References, `Box`es and `Arc`s of stores are stores.
///
/// ```
/// # use breaker_core::{CacheStore, Stored};
/// # struct Redis;
/// # impl Redis {
/// #     async fn read(&self, key: &str) -> std::io::Result<Option<(String, std::time::SystemTime)>> { Ok(None) }
/// #     async fn write(&self, key: &str, value: &str, at: std::time::SystemTime) -> std::io::Result<()> { Ok(()) }
/// # }
/// impl CacheStore<String, String> for Redis {
///     type Error = std::io::Error;
///
///     async fn get(&self, key: &String) -> Result<Option<Stored<String>>, Self::Error> {
///         let found = self.read(key).await?;
///         Ok(found.map(|(value, at)| Stored::with_time(value, at)))
///     }
///
///     async fn put(&self, key: String, answer: Stored<String>) -> Result<(), Self::Error> {
///         self.write(&key, answer.value(), answer.stored_at()).await
///     }
/// }
/// ```
///
/// # Cancellation
/// Both futures are dropped when the call is dropped, at any of their awaits, and after 250 ms.
pub trait CacheStore<K, V> {
    /// Why the store does not work; logs show its text.
    type Error: Display;

    /// The last answer that was stored under `key`, if it is still there.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &K) -> impl Future<Output = Result<Option<Stored<V>>, Self::Error>> + Send;

    /// Keeps `answer` under `key`, in place of an earlier one.
    ///
    /// # Errors
    /// When the store cannot be written to.
    fn put(&self, key: K, answer: Stored<V>) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A store for answers that never waits, as one in memory: `cache(store = EXPR, key = ..)` of
/// [`macro@crate::fallback`], in any function.
///
/// An error or a panic never fails the call, as with a [`CacheStore`]. With the feature `moka`, a
/// `moka::sync::Cache<K, Stored<V>>` is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot store answers of type `{V}` under keys of type `{K}`",
    label = "not a `SyncCacheStore<{K}, {V}>`",
    note = "a function that is not async needs a store that never waits: a `moka::sync::Cache<{K}, Stored<{V}>>` (feature `moka` of breaker-core), or a type of your own that implements `breaker_core::SyncCacheStore<{K}, {V}>`",
    note = "without a `store` the built-in cache keeps the answers: `cache(key = .., max = 1000, ttl = \"10m\")`"
)]
pub trait SyncCacheStore<K, V> {
    /// Why the store does not work; logs show its text.
    type Error: Display;

    /// The last answer that was stored under `key`, if it is still there.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &K) -> Result<Option<Stored<V>>, Self::Error>;

    /// Keeps `answer` under `key`, in place of an earlier one.
    ///
    /// # Errors
    /// When the store cannot be written to.
    fn put(&self, key: K, answer: Stored<V>) -> Result<(), Self::Error>;
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<K, V, S: CacheStore<K, V> + ?Sized> CacheStore<K, V> for $pointer {
            type Error = S::Error;

            fn get(&self, key: &K) -> impl Future<Output = Result<Option<Stored<V>>, Self::Error>> + Send {
                (**self).get(key)
            }

            fn put(&self, key: K, answer: Stored<V>) -> impl Future<Output = Result<(), Self::Error>> + Send {
                (**self).put(key, answer)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<K, V, S: SyncCacheStore<K, V> + ?Sized> SyncCacheStore<K, V> for $pointer {
            type Error = S::Error;

            fn get(&self, key: &K) -> Result<Option<Stored<V>>, Self::Error> {
                (**self).get(key)
            }

            fn put(&self, key: K, answer: Stored<V>) -> Result<(), Self::Error> {
                (**self).put(key, answer)
            }
        }
    )*};
}

pointers!(&S, Box<S>, Arc<S>);

/// A store of an `async fn`, of either kind.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot store answers of type `{V}` under keys of type `{K}`",
    label = "neither a `CacheStore<{K}, {V}>` nor a `SyncCacheStore<{K}, {V}>`",
    note = "a store is a `moka::future::Cache<{K}, Stored<{V}>>` (feature `moka` of breaker-core), or a type of your own that implements `breaker_core::CacheStore<{K}, {V}>`",
    note = "without a `store` the built-in cache keeps the answers: `cache(key = .., max = 1000, ttl = \"10m\")`"
)]
#[doc(hidden)]
pub trait AnyStore<K, V, Way> {
    type Error: Display;
    fn find(&self, key: &K) -> impl Future<Output = Result<Option<Stored<V>>, Self::Error>>;
    fn keep(&self, key: K, answer: Stored<V>) -> impl Future<Output = Result<(), Self::Error>>;
}

#[derive(Debug)]
#[doc(hidden)]
pub struct AtOnce;
#[derive(Debug)]
#[doc(hidden)]
pub struct InTime;

#[diagnostic::do_not_recommend]
impl<K, V, S: SyncCacheStore<K, V> + ?Sized> AnyStore<K, V, AtOnce> for S {
    type Error = S::Error;

    async fn find(&self, key: &K) -> Result<Option<Stored<V>>, Self::Error> {
        self.get(key)
    }

    async fn keep(&self, key: K, answer: Stored<V>) -> Result<(), Self::Error> {
        self.put(key, answer)
    }
}

#[diagnostic::do_not_recommend]
impl<K, V, S: CacheStore<K, V> + ?Sized> AnyStore<K, V, InTime> for S {
    type Error = S::Error;

    fn find(&self, key: &K) -> impl Future<Output = Result<Option<Stored<V>>, Self::Error>> {
        self.get(key)
    }

    fn keep(&self, key: K, answer: Stored<V>) -> impl Future<Output = Result<(), Self::Error>> {
        self.put(key, answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_outside_of_the_process_keeps_its_age() {
        let hour = Duration::from_secs(3600);
        let stored = Stored::with_time("answer", SystemTime::now() - hour);
        assert!((hour..hour * 2).contains(&stored.age()), "{:?}", stored.age());
        let again = Stored::with_time("answer", stored.stored_at());
        assert!(again.age().abs_diff(stored.age()) < Duration::from_secs(1));
        let years = hour * 24 * 365 * 10;
        let old = Stored::with_time("older than the machine's last start", SystemTime::now() - years);
        assert!(old.age() >= years, "{:?}", old.age());
        let ahead = Stored::with_time("answer", SystemTime::now() + hour);
        assert!(ahead.age() < Duration::from_secs(1), "a time that is yet to come means now");
        let oldest = Stored::with_time("answer", SystemTime::UNIX_EPOCH);
        assert!(oldest.age() > hour * 24 * 365 * 50, "it is older than the machine's own clock: {:?}", oldest.age());
    }
}
