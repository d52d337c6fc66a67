//! The room of what can go wrong with the database, sorted by what it says about it.

use breaker_core::{CircuitBreakerError, Classify, Outcome};
use sqlx::{error::ErrorKind, migrate::MigrateError};
use thiserror::Error;

use super::pool::{CONNECT_TIMEOUT, LOCK_TIMEOUT};

/// Why the database did not do what it was asked.
#[derive(Debug, Error, Classify)]
pub enum DatabaseError {
    /// It could not be reached, or refused what it was asked.
    #[error("{0}")]
    #[classify(with = sorted)]
    Query(#[from] sqlx::Error),
    /// The server cannot be reached (failure).
    #[error("the server that DATABASE_URL names gave no connection within {CONNECT_TIMEOUT:?}")]
    NoConnection,
    /// All connections to the SQLite file were in use (failure).
    #[error("no connection to the SQLite file that DATABASE_URL names was free within {CONNECT_TIMEOUT:?}")]
    NoFreeConnection,
    /// Another process writes to the SQLite file all the time (failure).
    #[error("another process has locked the SQLite file that DATABASE_URL names, for {LOCK_TIMEOUT:?} by now")]
    Locked,
    /// Too many others of this process want to write; the database was not asked (neutral).
    #[error("too many others are waiting to write to the database")]
    #[classify(neutral)]
    Crowded,
    /// Its tables could not be made (failure).
    #[error("the tables could not be made: {0}")]
    Migration(#[from] MigrateError),
    /// The breaker rejected the call, or cut it off.
    #[error("{0}")]
    #[classify(delegate)]
    Breaker(#[from] CircuitBreakerError),
}

/// Why something was not written.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct WriteError(#[from] DatabaseError);

fn sorted(error: &sqlx::Error) -> Outcome {
    match error {
        // It answers, and what it refuses is the value that it got.
        sqlx::Error::Database(refusal) if refusal.kind() != ErrorKind::Other => Outcome::success(),
        sqlx::Error::Database(refusal)
            if refusal.code().is_some_and(|code| code.len() == 5 && code.starts_with("22")) =>
        {
            Outcome::success()
        }
        sqlx::Error::RowNotFound => Outcome::success(),
        // Mistakes on this side of the wire.
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => Outcome::neutral(),
        _ => Outcome::failure(),
    }
}
