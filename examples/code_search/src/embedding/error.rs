//! The room of what can go wrong with a model, sorted by what it says about the service.

use std::time::Duration;

use breaker_core::{CircuitBreakerError, Classify, Outcome, presets};
use thiserror::Error;

/// Why there are no vectors.
#[derive(Debug, Error)]
pub enum EmbeddingError {
    /// Nothing of this name can be loaded (failure).
    #[error(
        "there is no model `{0}`; `hashing-text-768` and `hashing-code-768` are built in, a URL is an embedding API"
    )]
    UnknownModel(String),
    /// The API could not be reached, or its answer could not be read.
    #[error("the embedding API could not be asked")]
    Api(#[from] reqwest::Error),
    /// The API answered with an error status: 408, 429 and 5xx are failures, other 4xx are answers.
    #[error("the embedding API answered {status}")]
    Answered {
        /// The status.
        status: u16,
        /// In how long it asks to be called again.
        retry_after: Option<Duration>,
    },
    /// The API answered with another number of vectors, or with vectors without dimensions
    /// (failure).
    #[error("the embedding API sent {got} usable vectors for {asked} texts")]
    Unusable {
        /// How many texts were sent.
        asked: usize,
        /// How many vectors came back.
        got: usize,
    },
    /// The breaker rejected the call, or cut it off.
    #[error("{0}")]
    Breaker(#[from] CircuitBreakerError),
}

impl Classify for EmbeddingError {
    fn classify(&self) -> Outcome {
        match self {
            Self::UnknownModel(_) | Self::Unusable { .. } => Outcome::failure(),
            Self::Api(error) => error.classify(),
            Self::Answered { status, retry_after } => match (presets::http_status(status), retry_after) {
                (Outcome::Failure { .. }, Some(span)) => Outcome::failure_with_retry_after(*span),
                (outcome, _) => outcome,
            },
            Self::Breaker(error) => error.classify(),
        }
    }
}
