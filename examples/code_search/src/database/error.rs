//! Defines the errors of the database, sorted by what each says about it.

use breaker_core::{CircuitBreakerError, Classify, presets};
use sqlx::migrate::MigrateError;
use thiserror::Error;

use super::{
    connections::CONNECT_TIMEOUT,
    tables::{Dialect, LOCK_TIMEOUT},
};

/// Why the database did not do what a caller requested.
#[derive(Debug, Error, Classify)]
pub enum DatabaseError {
    /// It could not be reached, or did not do what the caller requested (by the preset).
    #[error("{0}")]
    #[classify(delegate)]
    Query(sqlx::Error),
    /// It cannot be reached, or a connection to it does not answer (failure).
    #[error("the database that DATABASE_URL names gave no connection within {CONNECT_TIMEOUT:?}")]
    NoConnection,
    /// Other calls of this process hold all connections; the database was not asked (ignored).
    #[error(
        "no connection to the database was free within {CONNECT_TIMEOUT:?}: others of this service use all of them"
    )]
    #[classify(ignored)]
    NoFreeConnection,
    /// Another process writes to the SQLite file all the time (failure).
    #[error("another process has locked the SQLite file of DATABASE_URL for more than {LOCK_TIMEOUT:?}")]
    Locked,
    /// Too many other calls of this process want to write; the database was not asked (ignored).
    #[error("too many other calls wait to write to the database")]
    #[classify(ignored)]
    Crowded,
    /// Its tables could not be created (by the preset).
    #[error("the tables could not be made: {0}")]
    #[classify(with = presets::sqlx)]
    Migration(#[from] MigrateError),
    /// The breaker rejected the call, or timed it out.
    #[error("{0}")]
    #[classify(delegate)]
    Breaker(#[from] CircuitBreakerError),
}

/// Why a write did not happen.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct WriteError(#[from] DatabaseError);

impl WriteError {
    /// The error itself where too many other calls were before it.
    ///
    /// # Errors
    /// It is any other error.
    pub(crate) fn into_crowded(self) -> Result<DatabaseError, Self> {
        if self.0.is_crowded() { Ok(self.0) } else { Err(self) }
    }
}

impl DatabaseError {
    /// The error in the words of this database.
    pub(super) fn told(dialect: Dialect, error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::NoConnection,
            error if dialect == Dialect::Sqlite && is_locked(&error) => Self::Locked,
            error => Self::Query(error),
        }
    }

    /// Whether too many other calls of this process were before it, and the database was not asked.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        matches!(self, Self::Crowded | Self::NoFreeConnection)
    }
}

/// Whether SQLite says that another connection has a lock: `SQLITE_BUSY`, `SQLITE_LOCKED` and their
/// extended codes. The codes of PostgreSQL are longer.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(answer) = error else { return false };
    let code = answer.code().filter(|code| code.len() < 5).and_then(|code| code.parse().ok());
    code.is_some_and(|code: u32| matches!(code & 0xff, 5 | 6))
}
