//! Reads why a text ended, in the words of OpenAI, TGI, and servers that repeat their provider's.

/// Why a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model finished.
    Stop,
    /// It was truncated at its greatest length, or at the end of the model's context.
    Length,
    /// The model requests a tool call.
    ToolCalls,
    /// The model, or a filter behind it, refuses to answer.
    Declined,
    /// The API gives no reason, or an unknown one.
    Unknown,
}

impl Finish {
    /// The reason with this name in an API.
    #[must_use]
    pub fn of(reason: Option<&str>) -> Self {
        match reason {
            Some("stop" | "eos_token" | "stop_sequence" | "eos" | "end_turn") => Self::Stop,
            Some("length" | "max_tokens") => Self::Length,
            Some("tool_calls" | "function_call") => Self::ToolCalls,
            Some("content_filter" | "safety") => Self::Declined,
            _ => Self::Unknown,
        }
    }

    /// Its name in replies, which is OpenAI's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Declined => "content_filter",
            Self::Unknown => "unknown",
        }
    }

    /// Whether an answer without a word is a fault.
    #[must_use]
    pub fn promises_text(self) -> bool {
        !matches!(self, Self::ToolCalls | Self::Declined)
    }
}
