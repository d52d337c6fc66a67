//! Defines the errors of a request, with the state of the breaker that it met.

use std::time::Duration;

use breaker_core::{CircuitBreakerError, Registry, State};
use thiserror::Error;

use crate::{
    database::{self, DatabaseError, WriteError},
    embedding::{self, EmbeddingError},
};

/// Why a request is not answered in full.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The request itself is at fault.
    #[error("{0}")]
    Invalid(String),
    /// There are no vectors; the full text can still be searched.
    #[error("embedding failed (circuit {state})")]
    Embedding {
        /// The state of `embedding_service` after the call.
        state: State,
        /// The cause.
        source: EmbeddingError,
    },
    /// Too many other requests were before it, and the database was not asked.
    #[error("too many requests are in flight: {0}")]
    Crowded(#[source] DatabaseError),
    /// There is no index.
    #[error("the database failed (circuit {state})")]
    Database {
        /// The state of `database` after the call.
        state: State,
        /// The cause.
        source: DatabaseError,
    },
    /// The index cannot be changed; searches may still work.
    #[error("writing to the database failed (circuit {state})")]
    Write {
        /// The state of `database_writes` after the call.
        state: State,
        /// The cause.
        source: WriteError,
    },
}

impl SearchError {
    /// The rejection behind it, if a breaker made one.
    #[must_use]
    pub fn rejection(&self) -> Option<&CircuitBreakerError> {
        CircuitBreakerError::find(self).filter(|error| error.is_rejection())
    }

    /// When to try again, if a breaker knows. The call that opened the breaker has this time too,
    /// although it was not rejected.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let breaker = match self {
            Self::Invalid(_) | Self::Crowded(_) => return None,
            Self::Embedding { .. } => embedding::BREAKER,
            Self::Database { .. } => database::BREAKER,
            Self::Write { .. } => database::WRITE_BREAKER,
        };
        let rejected = self.rejection().and_then(CircuitBreakerError::retry_after);
        rejected.or_else(|| Registry::global().get(breaker)?.snapshot().retry_after)
    }
}

impl From<EmbeddingError> for SearchError {
    fn from(source: EmbeddingError) -> Self {
        Self::Embedding { state: state(embedding::BREAKER), source }
    }
}

impl From<DatabaseError> for SearchError {
    fn from(source: DatabaseError) -> Self {
        if source.is_crowded() {
            Self::Crowded(source)
        } else {
            Self::Database { state: state(database::BREAKER), source }
        }
    }
}

impl From<WriteError> for SearchError {
    fn from(source: WriteError) -> Self {
        match source.into_crowded() {
            Ok(crowded) => Self::Crowded(crowded),
            Err(source) => Self::Write { state: state(database::WRITE_BREAKER), source },
        }
    }
}

fn state(breaker: &str) -> State {
    Registry::global().get(breaker).map_or(State::Disabled, |breaker| breaker.state())
}
