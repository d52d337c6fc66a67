//! Caches values in three levels, nearest first, each of which may be down.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use breaker_core::{CircuitBreaker, Registry};
use moka::future::Cache;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    database::Database,
    redis::{self, RedisCache, TIME_TO_LIVE},
};

/// Where a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// In this process.
    L1,
    /// In Redis.
    L2,
    /// In the database.
    L3,
}

impl Level {
    /// `l1`, `l2` or `l3`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::L3 => "l3",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The three caches. A value reaches all of them: a hit fills the levels above it.
///
/// No call fails for a caller. A level that is down has nothing and keeps nothing.
#[derive(Debug)]
pub struct CascadeCache {
    l1: Cache<String, Arc<str>>,
    l2: RedisCache,
    l3: Arc<Database>,
    redis_breaker: Option<CircuitBreaker>,
    /// Whether the current outage of Redis has been logged.
    degraded: AtomicBool,
}

impl CascadeCache {
    /// A cascade whose first level holds `l1_bytes` of keys and values.
    #[must_use]
    pub fn new(l1_bytes: u64, l2: RedisCache, l3: Arc<Database>) -> Self {
        let weigh = |key: &String, value: &Arc<str>| u32::try_from(key.len() + value.len()).unwrap_or(u32::MAX);
        let l1 = Cache::builder().max_capacity(l1_bytes).weigher(weigh).time_to_live(TIME_TO_LIVE).build();
        let redis_breaker = Registry::global().get(redis::BREAKER);
        Self { l1, l2, l3, redis_breaker, degraded: AtomicBool::new(false) }
    }

    /// The value under a key, and the level that had it.
    pub async fn get<T: Serialize + DeserializeOwned>(&self, key: &str) -> Option<(T, Level)> {
        let found = self.look(key).await;
        match &found {
            Some((_, level)) => tracing::debug!(event_type = "cache_hit", %level, key, "cache hit"),
            None => tracing::debug!(event_type = "cache_miss", key, "cache miss"),
        }
        found
    }

    async fn look<T: Serialize + DeserializeOwned>(&self, key: &str) -> Option<(T, Level)> {
        if let Some(value) = self.l1.get(key).await.and_then(|json| serde_json::from_str(&json).ok()) {
            return Some((value, Level::L1));
        }
        let in_redis = self.l2.get(key).await;
        self.tell_of_outage();
        if let Some(value) = in_redis {
            self.fill_l1(key, &value).await;
            return Some((value, Level::L2));
        }
        let value = self.in_database(key).await?;
        self.fill_l1(key, &value).await;
        self.l2.set(key, &value).await;
        Some((value, Level::L3))
    }

    async fn in_database<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        // With the database down there is a miss here too; its breaker has logged why.
        let json = self.l3.entry(key).await.ok()??;
        let value = serde_json::from_str(&json).ok();
        if value.is_none() {
            let _ = self.l3.forget_entry(key).await;
        }
        value
    }

    async fn fill_l1<T: Serialize>(&self, key: &str, value: &T) {
        if let Ok(json) = serde_json::to_string(value) {
            self.l1.insert(key.to_owned(), json.into()).await;
        }
    }

    /// Keeps a value under a key, in every level that is available.
    pub async fn set<T: Serialize>(&self, key: &str, value: &T) {
        let Ok(json) = serde_json::to_string(value) else { return };
        self.l2.set(key, value).await;
        self.tell_of_outage();
        let _ = self.l3.keep_entry(key, &json, TIME_TO_LIVE.as_secs()).await;
        self.l1.insert(key.to_owned(), json.into()).await;
    }

    /// Forgets the value under a key.
    pub async fn delete(&self, key: &str) {
        self.l1.invalidate(key).await;
        self.l2.delete(key).await;
        let _ = self.l3.forget_entry(key).await;
    }

    /// How much this process holds, in bytes of keys and values.
    pub async fn l1_bytes(&self) -> u64 {
        self.l1.run_pending_tasks().await;
        self.l1.weighted_size()
    }

    /// Clears the cache of this process. The other levels are shared and keep their values.
    pub fn clear_l1(&self) {
        self.l1.invalidate_all();
    }

    /// Logs once for each outage that the service goes on without Redis, and once that it is back.
    /// A failed trial is no new outage.
    fn tell_of_outage(&self) {
        let Some(breaker) = &self.redis_breaker else { return };
        let away = !breaker.state().is_healthy();
        if self.degraded.load(Ordering::Relaxed) == away || self.degraded.swap(away, Ordering::Relaxed) == away {
            return;
        }
        if away {
            tracing::warn!(event_type = "cache_cascade_degraded", without = "l2", "the cache goes on without Redis");
        } else {
            tracing::info!(event_type = "cache_cascade_restored", with = "l2", "the cache has Redis again");
        }
    }
}
