//! Defines all errors of an answer, sorted by what each says about the API.

use std::time::Duration;

use breaker_core::{CircuitBreakerError, Classify, Outcome};
use thiserror::Error;

use super::tokens::StreamError;

/// The question itself is at fault. The API was not called, so this says nothing about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValidationError {
    /// The question is empty.
    #[error("the question is empty")]
    EmptyPrompt,
    /// The question is longer than the limit.
    #[error("the question has {chars} characters, {most} are allowed")]
    TooLong {
        /// Its length.
        chars: usize,
        /// The limit.
        most: usize,
    },
    /// The cache needs a user to look up earlier answers.
    #[error("`user_id` is empty")]
    NoUser,
    /// A model's context is limited, and some servers answer a longer prompt with an error of their
    /// own.
    #[error("the question has {chars} characters with its notes, {most} are allowed")]
    LongPrompt {
        /// The length of the prompt.
        chars: usize,
        /// The limit.
        most: usize,
    },
    /// The cache keeps it with each answer, so its length has a limit.
    #[error("`user_id` has {bytes} bytes, {most} are allowed")]
    LongUser {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

/// Why no user can read the API's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OutputError {
    /// There is no text at all, not even an empty one.
    #[error("there is no answer in it")]
    NoAnswer,
    /// There is nothing after the prompt.
    #[error("the text is empty")]
    Empty,
    /// There are characters, but no visible ones.
    #[error("the text has no visible character")]
    Invisible,
    /// The model does not stop.
    #[error("the text is longer than {0} characters")]
    TooLong(usize),
}

/// An API's error response.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the text-generation API answered {status}: {message}")]
pub struct Fault {
    /// The status code; that of the error where a 200 contains one.
    pub status: u16,
    /// The API's words.
    pub message: String,
    /// When it asks for the next call.
    pub retry_after: Option<Duration>,
}

/// Every reason why the model's answer is missing.
#[derive(Debug, Error)]
pub enum GenerationError {
    /// The question itself is at fault (ignored).
    #[error("invalid question: {0}")]
    Validation(#[from] ValidationError),
    /// No note is near the question, so there is no prompt for the model (ignored).
    #[error("the notes contain nothing about this question")]
    NoContext,
    /// The API failed: 408, 409, 424, 425, 429, 5xx (failure).
    #[error("{0}")]
    Http(Fault),
    /// The API rejects all requests until the settings here change: 401, 402, 403, 404, 405 and
    /// similar ones, or an exhausted quota (failure, never retried).
    #[error("{0}")]
    Misconfigured(Fault),
    /// The API did not accept this request: 400, 413, 422 and similar ones, which the question
    /// alone can cause (success).
    #[error("{0}")]
    Refused(Fault),
    /// The model is not loaded yet (failure).
    #[error("the model could not be loaded: {message}")]
    ModelLoad {
        /// Why not.
        message: String,
        /// When it is expected.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke (failure).
    #[error("the text-generation API could not be reached")]
    Connect(#[source] reqwest::Error),
    /// A streamed answer ended before it was complete, in order or with this error (failure).
    #[error("the text-generation API broke off its answer")]
    Cut(#[source] Option<reqwest::Error>),
    /// The answer is not the expected JSON (failure).
    #[error("the text-generation API sent something unreadable: {0}")]
    Unreadable(String),
    /// The answer is valid JSON but not usable (failure).
    #[error("the model's answer is not usable: {0}")]
    InvalidOutput(#[from] OutputError),
    /// The asker wanted the queue, and it is full (ignored: the API has no part in it).
    #[error("the queue of unanswered questions is full")]
    QueueFull,
    /// The circuit breaker rejected the call, or timed it out.
    ///
    /// Not `transparent`: that would remove the breaker's error from the `source()` chain, where
    /// code looks for it.
    #[error("{0}")]
    Breaker(#[from] CircuitBreakerError),
}

/// The attribute applies it to the errors that its lists do not name, which are the failures.
impl Classify for GenerationError {
    fn classify(&self) -> Outcome {
        match self {
            Self::Http(Fault { retry_after: Some(span), .. }) | Self::ModelLoad { retry_after: Some(span), .. } => {
                Outcome::failure_with_retry_after(*span)
            }
            _ => Outcome::failure(),
        }
    }
}

impl From<StreamError<reqwest::Error>> for GenerationError {
    fn from(error: StreamError<reqwest::Error>) -> Self {
        match error {
            StreamError::Cut => Self::Cut(None),
            StreamError::Empty => OutputError::NoAnswer.into(),
            StreamError::Upstream(told) => told.sort_within(None),
            StreamError::TooLong { most } => Self::Unreadable(format!("more than {most} bytes")),
            StreamError::Unreadable(what) => Self::Unreadable(what),
            // An address may contain a password or a key.
            StreamError::Body(error) => Self::Cut(Some(error.without_url())),
        }
    }
}

impl GenerationError {
    /// Whether the breaker rejected the call, so that it was not made.
    #[must_use]
    pub fn rejection(&self) -> Option<&CircuitBreakerError> {
        CircuitBreakerError::find(self).filter(|error| error.is_rejection())
    }

    /// Whether the call timed out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        CircuitBreakerError::find(self).is_some_and(CircuitBreakerError::is_timeout)
    }

    /// This error with other words in place of the API's own.
    #[must_use]
    pub fn in_words(self, words: impl Fn(&str) -> String) -> Self {
        let fault = |Fault { status, message, retry_after }| Fault { status, message: words(&message), retry_after };
        match self {
            Self::Http(told) => Self::Http(fault(told)),
            Self::Misconfigured(told) => Self::Misconfigured(fault(told)),
            Self::Refused(told) => Self::Refused(fault(told)),
            Self::ModelLoad { message, retry_after } => Self::ModelLoad { message: words(&message), retry_after },
            Self::Unreadable(what) => Self::Unreadable(words(&what)),
            other => other,
        }
    }

    /// Whether this counts against the API, by the same rules as the attribute of `Generator`.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Misconfigured(_)) || self.is_transient()
    }

    /// Whether another attempt may succeed after this failure: a wrong key stays wrong.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Validation(_) | Self::NoContext | Self::QueueFull | Self::Misconfigured(_) | Self::Refused(_) => {
                false
            }
            Self::Http(_) | Self::ModelLoad { .. } | Self::Connect(_) => true,
            Self::Cut(_) | Self::Unreadable(_) | Self::InvalidOutput(_) => true,
            Self::Breaker(error) => error.is_timeout(),
        }
    }
}
