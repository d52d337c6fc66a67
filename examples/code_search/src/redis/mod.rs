//! Caches values in Redis.
//!
//! Callers can do without the cache, so it never returns an error.

mod connections;

use std::time::Duration;

use breaker_core::{CircuitBreakerError, Classify, circuit_breaker, fallback};
use redis::{Client, RedisError, TlsCertificates};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::tls;
use connections::Connections;

/// The name of the breaker, in the registry.
pub const BREAKER: &str = "redis_cache";

/// How long a value is kept.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// Why the cache did not do what a caller requested. Callers see none of it.
#[derive(Debug, Error, Classify)]
enum CacheError {
    /// No connection, no answer, or an error as the answer (by the preset).
    #[error("{0}")]
    #[classify(delegate)]
    Redis(#[from] RedisError),
    /// The stored value has another format: another program's, or an older version's (ignored).
    #[error("the stored value cannot be read: {0}")]
    #[classify(ignored)]
    Undecodable(String),
    /// The breaker rejected the call, or timed it out.
    #[error("{0}")]
    #[classify(delegate)]
    Breaker(#[from] CircuitBreakerError),
}

/// A cache in Redis. With Redis down it has nothing and keeps nothing, and says so at once.
#[derive(Debug)]
pub struct RedisCache {
    connections: Connections,
    namespace: String,
}

impl RedisCache {
    /// A cache at `url` with the prefix `namespace` for all keys. It connects at the first call.
    /// With `authorities`, as PEM, a `rediss:` connection trusts these alone, and not the system's.
    ///
    /// # Errors
    /// `url` is no Redis URL, or has another scheme than `rediss:` although there are
    /// `authorities`.
    pub fn new(url: &str, authorities: Option<Vec<u8>>, namespace: impl Into<String>) -> Result<Self, RedisError> {
        tls::install_provider();
        let client = match authorities {
            Some(root_cert) => {
                Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert: Some(root_cert) })?
            }
            None => Client::open(url)?,
        };
        Ok(Self { connections: Connections::new(client), namespace: namespace.into() })
    }

    /// The value under `key`; `None` where there is none, and while Redis is down. An unreadable
    /// value counts as none, and is deleted.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        match self.fetch(key).await {
            Ok(found) => found,
            Err(CacheError::Undecodable(reason)) => {
                tracing::debug!(reason, key, "a cached value is thrown away");
                self.delete(key).await;
                None
            }
            // A failure has used the fallback. Any other error says nothing against Redis, and
            // counts as an empty cache.
            Err(CacheError::Redis(_) | CacheError::Breaker(_)) => None,
        }
    }

    /// Keeps `value` under `key` for [`TIME_TO_LIVE`]; `false` means that it is not kept.
    pub async fn set<T: Serialize>(&self, key: &str, value: &T) -> bool {
        let Ok(json) = serde_json::to_vec(value) else { return false };
        self.store(key, &json).await.unwrap_or(false)
    }

    /// Deletes the value under `key`; `false` means that there was none, or that Redis is down.
    pub async fn delete(&self, key: &str) -> bool {
        self.remove(key).await.unwrap_or(false)
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.namespace)
    }
}

/// The calls. A missing value is an answer, and so a success.
#[circuit_breaker(
    name = BREAKER,
    env_prefix = "REDIS",
    fail_max = 5,
    fail_window = "off",
    recovery_timeout = "30s",
    timeout = "250ms",
    classify
)]
impl RedisCache {
    #[fallback(miss = value(None), on(open, failure))]
    async fn fetch<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, CacheError> {
        let found: Option<Vec<u8>> = match self.connections.ask(redis::cmd("GET").arg(self.key(key))).await {
            // Another type under our key, such as a list.
            Err(error) if error.code() == Some("WRONGTYPE") => return Err(CacheError::Undecodable(error.to_string())),
            answer => answer?,
        };
        let value = found.map(|json| serde_json::from_slice(&json)).transpose();
        value.map_err(|error| CacheError::Undecodable(error.to_string()))
    }

    #[fallback(not_kept = value(false), on(open, failure))]
    async fn store(&self, key: &str, json: &[u8]) -> Result<bool, CacheError> {
        let mut command = redis::cmd("SET");
        command.arg(self.key(key)).arg(json).arg("EX").arg(TIME_TO_LIVE.as_secs());
        let () = self.connections.ask(&command).await?;
        Ok(true)
    }

    #[fallback(not_deleted = value(false), on(open, failure))]
    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        Ok(self.connections.ask(redis::cmd("DEL").arg(self.key(key))).await?)
    }
}
