//! Defines the errors of a model, sorted by what each says about the service.

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
        /// When the API asks for the next call.
        retry_after: Option<Duration>,
    },
    /// The API returned another number of vectors, or vectors without dimensions (failure).
    #[error("the embedding API sent {got} usable vectors for {asked} texts")]
    Unusable {
        /// How many texts were sent.
        asked: usize,
        /// How many vectors came back.
        got: usize,
    },
    /// The breaker rejected the call, or timed it out.
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
