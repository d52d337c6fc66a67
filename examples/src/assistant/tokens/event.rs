//! What a decoded stream gives.

use crate::assistant::wire::finish::Finish;

/// One item of a decoded answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Text of the answer. It is never empty.
    Token(String),
    /// Text in which the model says why it does not answer. It is never empty.
    Refusal(String),
    /// A piece of reasoning or of a tool call: the model works, and this is no text of the answer.
    Aside,
    /// The text is complete. What follows can take it back no more, so a reader may stop here.
    Finish(Finish),
    /// The stream is at its end: `[DONE]` has come, or the bytes have ended after the finish
    /// reason. Without a [`Finish`](Self::Finish) before it, nothing says whether the model was
    /// ready or was stopped.
    Done,
}

impl Event {
    /// Whether the answer is complete with this item: what `until` asks in the attribute's key
    /// `stream`.
    #[must_use]
    pub fn completes(&self) -> bool {
        matches!(self, Self::Finish(_) | Self::Done)
    }
}
