//! Defines the errors of a streamed answer.

use thiserror::Error;

use crate::assistant::wire::fault::Told;

/// Why an answer is not complete. `E` is the error of the body.
#[derive(Debug, Error)]
pub enum StreamError<E> {
    /// The bytes ended in order, and neither a finish reason nor `[DONE]` was among them.
    #[error("the answer was cut off")]
    Cut,
    /// The answer has ended, and nothing in it is visible: no text, no reasoning, no tool call.
    #[error("the answer is empty")]
    Empty,
    /// The upstream reported in the stream that it has failed, after a head with a good status.
    #[error("the upstream failed while it answered: {0}")]
    Upstream(Told),
    /// One event, or the whole answer, has more bytes than its limit.
    #[error("the answer has more than {most} bytes")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// An event is not JSON, or is JSON of another form.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The body returned an error: the connection broke.
    #[error("the answer broke off")]
    Body(#[source] E),
}
