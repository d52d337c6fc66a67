//! Sessions: who is logged in.

use crate::store::{Store, StoreError};
use anyhow::Context as _;
use async_trait::async_trait;
use breaker_core::{circuit_breaker, fallback};

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Whose session it is; nothing when there is none of this token.
    async fn user_of(&self, token: &str) -> anyhow::Result<Option<String>>;

    async fn begin(&self, user: &str) -> anyhow::Result<String>;

    /// Ends a session; what fails in it is nobody's concern.
    async fn end(&self, token: &str);
}

pub struct StoredSessions {
    store: Store,
}

impl StoredSessions {
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
#[circuit_breaker(name = "sessions", fail_max = 3, timeout = "10s", critical = true)]
impl Sessions for StoredSessions {
    async fn user_of(&self, token: &str) -> anyhow::Result<Option<String>> {
        match self.store.get(&format!("sessions/{token}")).await {
            Ok(user) => Ok(Some(user)),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn begin(&self, user: &str) -> anyhow::Result<String> {
        let token = format!("of-{user}");
        self.store.put(&format!("sessions/{token}"), user).await.context("no session")?;
        Ok(token)
    }

    async fn end(&self, token: &str) {
        let _ = self.store.delete(&format!("sessions/{token}")).await;
    }
}

/// The line above all pages, if there is one today.
#[circuit_breaker(name = "greeting", timeout = "10s", failure_if(Option::is_none))]
#[fallback(value(None))]
pub async fn greeting(store: &Store) -> Option<String> {
    store.get("greeting").await.ok()
}
