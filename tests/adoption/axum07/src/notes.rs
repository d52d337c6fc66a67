//! Notes: what the routes need of them, one that asks the store, and one that remembers what another one gave.

use crate::store::{Store, StoreError};
use anyhow::{ensure, Context as _};
use async_trait::async_trait;
use breaker_core::{circuit_breaker, fallback};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Note {
    pub title: String,
    pub text: String,
}

#[async_trait]
pub trait Notes: Send + Sync {
    /// One note; a [`StoreError::Missing`] is behind the error when there is none.
    async fn get(&self, user: &str, title: &str) -> anyhow::Result<Note>;

    async fn put(&self, user: &str, note: Note) -> anyhow::Result<()>;

    /// Whether there was one.
    async fn delete(&self, user: &str, title: &str) -> anyhow::Result<bool>;

    async fn titles(&self, user: &str) -> anyhow::Result<Vec<String>>;

    async fn count(&self, user: &str) -> anyhow::Result<usize> {
        Ok(self.titles(user).await?.len())
    }

    async fn rename(&self, user: &str, old: &str, new: &str) -> anyhow::Result<()> {
        let note = self.get(user, old).await?;
        self.put(user, Note { title: new.to_owned(), ..note }).await?;
        self.delete(user, old).await?;
        Ok(())
    }
}

/// Notes in the store.
pub struct StoredNotes {
    store: Store,
}

impl StoredNotes {
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[circuit_breaker(
    name = "notes", fail_max = 3, timeout = "10s",
    success(StoreError::Missing(_), StoreError::Refused { code: 400..=499, .. }), include(StoreError),
)]
#[async_trait]
impl Notes for StoredNotes {
    async fn get(&self, user: &str, title: &str) -> anyhow::Result<Note> {
        let text =
            self.store.get(&format!("notes/{user}/{title}")).await.with_context(|| format!("no note {title}"))?;
        Ok(Note { title: title.to_owned(), text })
    }

    async fn put(&self, user: &str, note: Note) -> anyhow::Result<()> {
        ensure!(!note.title.contains([' ', '/']), "a title is one word");
        self.store.put(&format!("notes/{user}/{}", note.title), &note.text).await.context("not written")
    }

    async fn delete(&self, user: &str, title: &str) -> anyhow::Result<bool> {
        match self.store.delete(&format!("notes/{user}/{title}")).await {
            Ok(()) => Ok(true),
            Err(StoreError::Missing(_)) => Ok(false),
            Err(error) => Err(error).context("not deleted"),
        }
    }

    async fn titles(&self, user: &str) -> anyhow::Result<Vec<String>> {
        let prefix = format!("notes/{user}/");
        let keys = self.store.keys(&prefix).await.context("no list")?;
        Ok(keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect())
    }
}

/// Remembers the notes that were read.
pub struct Remembered<N> {
    notes: N,
    read: Mutex<HashMap<(String, String), Note>>,
}

impl<N> Remembered<N> {
    pub fn new(notes: N) -> Self {
        Self { notes, read: Mutex::default() }
    }

    /// A note as it was last read, without a question to anybody.
    pub fn remembered(&self, user: &str, title: &str) -> Option<Note> {
        let key = (user.to_owned(), title.to_owned());
        self.read.lock().expect("nobody panics with the lock").get(&key).cloned()
    }

    fn forget(&self, user: &str, title: &str) {
        let key = (user.to_owned(), title.to_owned());
        self.read.lock().expect("nobody panics with the lock").remove(&key);
    }
}

#[async_trait]
impl<N: Notes> Notes for Remembered<N> {
    #[circuit_breaker(name = "remembered", success(StoreError::Missing(_)))]
    #[fallback(Self::remembered, on(open, failure))]
    async fn get(&self, user: &str, title: &str) -> anyhow::Result<Note> {
        let note = self.notes.get(user, title).await?;
        let key = (user.to_owned(), title.to_owned());
        self.read.lock().expect("nobody panics with the lock").insert(key, note.clone());
        Ok(note)
    }

    async fn put(&self, user: &str, note: Note) -> anyhow::Result<()> {
        self.forget(user, &note.title);
        self.notes.put(user, note).await
    }

    async fn delete(&self, user: &str, title: &str) -> anyhow::Result<bool> {
        self.forget(user, title);
        self.notes.delete(user, title).await
    }

    #[circuit_breaker(name = "remembered")]
    #[fallback(value(Vec::new()))]
    async fn titles(&self, user: &str) -> anyhow::Result<Vec<String>> {
        self.notes.titles(user).await
    }
}
