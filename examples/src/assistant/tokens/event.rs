//! What a decoded stream gives.

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
    Finish(FinishReason),
    /// The stream is at its end: `[DONE]` has come, or the bytes have ended after the finish reason. Without a [`Finish`](Self::Finish)
    /// before it, nothing says whether the model was ready or was stopped.
    Done,
}

impl Event {
    /// Whether the answer is complete with this item: what `until` asks in the attribute's key `stream`.
    #[must_use]
    pub fn completes(&self) -> bool {
        matches!(self, Self::Finish(_) | Self::Done)
    }
}

/// Why the model has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It was ready.
    Stop,
    /// It ran into the limit on tokens, or into the end of its context: the text is truncated.
    Length,
    /// It wants a tool to be called.
    ToolCalls,
    /// A filter withheld text.
    ContentFilter,
    /// Another reason, in the upstream's word.
    Other(String),
}

impl FinishReason {
    /// The reason with this name, as the OpenAI APIs and TGI have them.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "stop" | "eos_token" | "stop_sequence" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether an answer without a word is a fault.
    pub(super) fn promises_text(&self) -> bool {
        !matches!(self, Self::ToolCalls | Self::ContentFilter)
    }
}
