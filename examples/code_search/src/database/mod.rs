//! Stores the index and the lowest cache level, in a SQLite file or in PostgreSQL.
//!
//! A full or read-only database still answers, so reads and writes have a breaker each: `database`
//! and `database_writes`.

mod connections;
mod entries;
mod error;
mod index;
mod tables;
mod vectors;
mod writes;

use std::sync::atomic::{AtomicI64, Ordering};

use breaker_core::{circuit_breaker, fallback};
use tokio::sync::Semaphore;

use crate::embedding::{Role, Vector};
use tables::Tables;

pub use error::{DatabaseError, WriteError};
pub use index::{Chunk, ModelVectors, NewFile};
pub use writes::WRITE_BREAKER;

/// The name of the breaker of all reads, in the registry.
pub const BREAKER: &str = "database";

/// The index and the cached answers.
#[derive(Debug)]
pub struct Database {
    tables: Tables,
    /// The generation of the last read; 0 before the first one.
    generation: AtomicI64,
    /// One task writes at a time. Both databases require that anyway.
    turn: Semaphore,
}

impl Database {
    /// A database at `url` (`sqlite:` or `postgres:`). It connects, and creates its tables, at the
    /// first call.
    ///
    /// # Errors
    /// `url` has another scheme.
    pub fn new(url: &str) -> Result<Self, sqlx::Error> {
        Ok(Self { tables: Tables::new(url)?, generation: AtomicI64::new(0), turn: Semaphore::new(1) })
    }

    /// A number that grows with every change of the index. While the database is down or too many
    /// other calls are before this one, it is the number of the last read.
    ///
    /// # Errors
    /// There is no number, neither a new one nor an earlier one.
    pub async fn generation(&self) -> Result<i64, DatabaseError> {
        let read = self.read_generation().await;
        match (read, self.last_generation()) {
            // This says nothing of the database, so it bypasses the breaker's fallbacks.
            (Err(error), Some(last)) if error.is_crowded() => Ok(last),
            (read, _) => read,
        }
    }

    fn last_generation(&self) -> Option<i64> {
        Some(self.generation.load(Ordering::Relaxed)).filter(|generation| *generation > 0)
    }
}

/// The calls that read.
#[circuit_breaker(
    name = BREAKER,
    env_prefix = "DATABASE",
    fail_max = 3,
    recovery_timeout = "10s",
    timeout = "5s",
    classify
)]
impl Database {
    #[fallback(last_generation = |_| self.last_generation(), on(open, failure))]
    async fn read_generation(&self) -> Result<i64, DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = index::generation(&mut lease).await;
        let generation = lease.end(read)?;
        self.generation.store(generation, Ordering::Relaxed);
        Ok(generation)
    }

    /// The names of the files in which something can be found.
    ///
    /// # Errors
    /// The database is down.
    pub async fn files(&self) -> Result<Vec<String>, DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = index::files(&mut lease).await;
        lease.end(read)
    }

    /// The numbers of the functions that have some of these words, the best ones first.
    ///
    /// # Errors
    /// The database is down.
    pub async fn with_words(&self, words: &[String], most: usize) -> Result<Vec<i64>, DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = index::with_words(&mut lease, self.tables.dialect, words, most).await;
        lease.end(read)
    }

    /// The vectors that a model made, with the numbers of their functions.
    ///
    /// # Errors
    /// The database is down.
    pub async fn vectors(&self, role: Role, model: &str) -> Result<Vec<(i64, Vector)>, DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = vectors::all(&mut lease, role, model).await;
        lease.end(read)
    }

    /// The functions with these numbers, in this order; `None` where one was deleted meanwhile.
    ///
    /// # Errors
    /// The database is down.
    pub async fn chunks(&self, ids: &[i64]) -> Result<Vec<Option<Chunk>>, DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = index::chunks(&mut lease, ids).await;
        lease.end(read)
    }

    /// The text under a key, unless it has expired.
    ///
    /// # Errors
    /// The database is down.
    pub async fn entry(&self, key: &str) -> Result<Option<String>, DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = entries::get(&mut lease, key).await;
        lease.end(read)
    }

    /// Checks with an empty query whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let mut lease = self.tables.read().await?;
        let read = sqlx::query("SELECT 1").execute(&mut *lease).await;
        lease.end(read.map(drop))
    }
}
