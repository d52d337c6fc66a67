//! Writes to the database, one call at a time.
//!
//! Each write waits for its turn, and only then asks the breaker. Other writes of this process say
//! nothing about the database.

use std::time::Duration;

use breaker_core::circuit_breaker;
use tokio::{
    sync::SemaphorePermit,
    time::{sleep, timeout},
};

use super::{Database, DatabaseError, NewFile, WriteError, entries, index};

/// The name of the breaker of all writes, in the registry.
pub const WRITE_BREAKER: &str = "database_writes";

/// The longest that a file waits for its turn.
const FILE_PATIENCE: Duration = Duration::from_secs(30);

/// The longest that an answer waits for its turn to be cached. Its caller waits as long.
const ENTRY_PATIENCE: Duration = Duration::from_millis(50);

/// The pause between two consecutive writes. Without it a SQLite file would be locked for other
/// processes all the time.
const BREATH: Duration = Duration::from_millis(2);

impl Database {
    /// Replaces the functions of a file: all of them, or none.
    ///
    /// # Errors
    /// Nothing has changed.
    pub async fn replace(&self, file_path: &str, file: &NewFile) -> Result<(), WriteError> {
        let _turn = self.turn(FILE_PATIENCE).await?;
        Ok(self.write_file(file_path, Some(file)).await?)
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// Nothing has changed.
    pub async fn forget(&self, file_path: &str) -> Result<(), WriteError> {
        let _turn = self.turn(FILE_PATIENCE).await?;
        Ok(self.write_file(file_path, None).await?)
    }

    /// Keeps a text under a key for N seconds.
    ///
    /// # Errors
    /// The database takes no writes, or too many other calls write.
    pub async fn keep_entry(&self, key: &str, value: &str, seconds: u64) -> Result<(), WriteError> {
        let _turn = self.turn(ENTRY_PATIENCE).await?;
        Ok(self.write_entry(key, value, seconds).await?)
    }

    /// Deletes the text under a key, and returns whether there was one.
    ///
    /// # Errors
    /// The database takes no writes, or too many other calls write.
    pub async fn forget_entry(&self, key: &str) -> Result<bool, WriteError> {
        let _turn = self.turn(ENTRY_PATIENCE).await?;
        Ok(self.remove_entry(key).await?)
    }

    async fn turn(&self, patience: Duration) -> Result<SemaphorePermit<'_>, DatabaseError> {
        if let Ok(turn) = self.turn.try_acquire() {
            return Ok(turn);
        }
        let turn = timeout(patience, self.turn.acquire()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(DatabaseError::Crowded)?;
        sleep(BREATH).await;
        Ok(turn)
    }
}

/// The calls that write.
#[circuit_breaker(
    name = WRITE_BREAKER,
    env_prefix = "DATABASE_WRITES",
    fail_max = 3,
    recovery_timeout = "10s",
    timeout = "5s",
    classify
)]
impl Database {
    async fn write_file(&self, file_path: &str, file: Option<&NewFile>) -> Result<(), DatabaseError> {
        let mut writing = self.tables.write().await?;
        let written = index::replace(&mut writing, self.tables.dialect, file_path, file).await;
        writing.end(written).await
    }

    async fn write_entry(&self, key: &str, value: &str, seconds: u64) -> Result<(), DatabaseError> {
        let mut writing = self.tables.write().await?;
        let written = entries::put(&mut writing, key, value, seconds).await;
        writing.end(written).await
    }

    async fn remove_entry(&self, key: &str) -> Result<bool, DatabaseError> {
        let mut writing = self.tables.write().await?;
        let written = entries::delete(&mut writing, key).await;
        writing.end(written).await
    }
}
