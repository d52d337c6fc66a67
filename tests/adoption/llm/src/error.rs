use breaker_core::Classify;
use thiserror::Error;

/// The result of this library.
pub type Result<T, E = LlmError> = std::result::Result<T, E>;

#[derive(Debug, Error)]
#[non_exhaustive]
#[derive(Classify)]
pub enum LlmError {
    /// The API said what is wrong.
    #[error("the API answered {status}: {message}")]
    Api { status: u16, message: String },
    #[error("the API did not answer")]
    #[classify(delegate)]
    Http(#[from] reqwest::Error),
    #[error("the answer cannot be read")]
    Json(#[from] serde_json::Error),
    /// The stream of an answer broke off.
    #[error("the stream ended early")]
    Cut,
    /// What a provider of another kind tells.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
