//! The ways in which a streamed answer can fail.

use thiserror::Error;

use crate::assistant::wire::fault::Told;

/// Why an answer is not whole. `E` is the error of the body.
#[derive(Debug, Error)]
pub enum StreamError<E> {
    /// The bytes ended in order, and neither a finish reason nor `[DONE]` was among them.
    #[error("the answer was cut off")]
    Cut,
    /// The answer has ended, and there is nothing to be seen in it: no text, no reasoning, no tool
    /// call.
    #[error("the answer is empty")]
    Empty,
    /// The upstream said in the stream that it has failed. The status of the head was a good one.
    #[error("the upstream failed while it answered: {0}")]
    Upstream(Told),
    /// One event, or the whole answer, has more bytes than its limit.
    #[error("the answer has more than {most} bytes")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// An event is no JSON, or JSON of another form.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The body gave an error: the connection broke.
    #[error("the answer broke off")]
    Body(#[source] E),
}
