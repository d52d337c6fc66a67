//! The room of the errors: everything that can keep the model's answer away, sorted by what it says
//! about the API.

use std::time::Duration;

use breaker_core::{CircuitBreakerError, Classify, Outcome};
use thiserror::Error;

use super::tokens::StreamError;

/// The question itself is at fault; the API was not asked, so this proves nothing about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValidationError {
    /// There is nothing to answer.
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
    /// Without a user there is nobody whose cached answers could be looked up.
    #[error("`user_id` is empty")]
    NoUser,
    /// A model has room for so much, and some answer a longer prompt with an error of their own.
    #[error("the question has {chars} characters with its notes, {most} are allowed")]
    LongPrompt {
        /// The length of the prompt.
        chars: usize,
        /// The limit.
        most: usize,
    },
    /// It is kept with each answer, so it may not be of any length.
    #[error("`user_id` has {bytes} bytes, {most} are allowed")]
    LongUser {
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

/// Why the API's text cannot be shown to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OutputError {
    /// There is no text at all, not even an empty one.
    #[error("there is no answer in it")]
    NoAnswer,
    /// Nothing is left beside the prompt.
    #[error("the text is empty")]
    Empty,
    /// There are characters, but none that can be seen.
    #[error("the text has no visible character")]
    Invisible,
    /// A model that does not stop.
    #[error("the text is longer than {0} characters")]
    TooLong(usize),
}

/// What an API answered in place of a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the text-generation API answered {status}: {message}")]
pub struct Fault {
    /// The status code; that of the error where a 200 has one in it.
    pub status: u16,
    /// The API's words.
    pub message: String,
    /// In how long it asks to be called again.
    pub retry_after: Option<Duration>,
}

/// Everything that can keep the model's answer away.
#[derive(Debug, Error)]
pub enum GenerationError {
    /// The question itself is at fault (ignored).
    #[error("invalid question: {0}")]
    Validation(#[from] ValidationError),
    /// No note is near the question, so there is nothing to ask the model (ignored).
    #[error("the notes contain nothing about this question")]
    NoContext,
    /// The API failed: 408, 409, 424, 425, 429, 5xx (failure).
    #[error("{0}")]
    Http(Fault),
    /// The API answers nobody until its settings here are others: 401, 402, 403, 404, 405 and their
    /// like, or a quota that is used up (failure, never tried again).
    #[error("{0}")]
    Misconfigured(Fault),
    /// The API did not take this request: 400, 413, 422 and their like, which can come from the
    /// question alone (success).
    #[error("{0}")]
    Refused(Fault),
    /// The model is not there yet (failure).
    #[error("the model could not be loaded: {message}")]
    ModelLoad {
        /// Why not.
        message: String,
        /// In how long it is expected.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke (failure).
    #[error("the text-generation API could not be reached")]
    Connect(#[source] reqwest::Error),
    /// A streamed answer ended before it was whole, in order or with this error (failure).
    #[error("the text-generation API broke off its answer")]
    Cut(#[source] Option<reqwest::Error>),
    /// The answer is not the JSON that was agreed on (failure).
    #[error("the text-generation API sent something unreadable: {0}")]
    Unreadable(String),
    /// The answer can be read but not be used (failure).
    #[error("the model's answer is not usable: {0}")]
    InvalidOutput(#[from] OutputError),
    /// The question was to be queued, and the queue is full (ignored: the API has no part in it).
    #[error("the queue of unanswered questions is full")]
    QueueFull,
    /// The circuit breaker rejected the call, or cut it off after its time limit.
    ///
    /// Not `transparent`: that would take the breaker's error out of the `source()` chain, where it
    /// is looked for.
    #[error("{0}")]
    Breaker(#[from] CircuitBreakerError),
}

/// Asked of the errors that the attribute's lists do not name, which are the failures.
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
            // An address may have a password or a key in it.
            StreamError::Body(error) => Self::Cut(Some(error.without_url())),
        }
    }
}

impl GenerationError {
    /// Whether the call was not made at all, because the breaker rejected it.
    #[must_use]
    pub fn rejection(&self) -> Option<&CircuitBreakerError> {
        CircuitBreakerError::find(self).filter(|error| error.is_rejection())
    }

    /// Whether the call ran into its time limit.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        CircuitBreakerError::find(self).is_some_and(CircuitBreakerError::is_timeout)
    }

    /// The same with other words in place of the API's own.
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

    /// Whether this counts against the API: the same sorting that the attribute of `Generator`
    /// makes.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Misconfigured(_)) || self.is_transient()
    }

    /// Whether it is a failure that another attempt may not meet: a wrong key stays wrong.
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
