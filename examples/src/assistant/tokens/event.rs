//! Defines the items of a decoded stream.

use crate::assistant::wire::finish::Finish;

/// One item of a decoded answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Text of the answer. It is never empty.
    Token(String),
    /// Text of a refusal, in which the model says why it does not answer. It is never empty.
    Refusal(String),
    /// A piece of reasoning or of a tool call: the model works, and this is not text of the answer.
    Aside,
    /// The text is complete. Nothing after it can change that, so a reader may stop here.
    Finish(Finish),
    /// The stream is at its end: `[DONE]` has come, or the bytes have ended after the finish
    /// reason. Without a [`Finish`](Self::Finish) before it, nothing says whether the model
    /// finished or was stopped.
    Done,
}

impl Event {
    /// Whether the answer is complete with this item: the attribute's key `stream` uses it for
    /// `until`.
    #[must_use]
    pub fn completes(&self) -> bool {
        matches!(self, Self::Finish(_) | Self::Done)
    }
}
