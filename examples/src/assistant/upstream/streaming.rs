//! Defines the faults of streamed answers on demand.

use std::{fmt, time::Duration};

/// The behaviour of streamed answers. Answers without streaming are those of a healthy API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streaming {
    /// How many events with text come before the end, as far as the text has them.
    pub tokens: usize,
    /// The pause between two events.
    pub gap: Duration,
    /// How it ends.
    pub then: StreamEnd,
}

/// How a streamed answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// With the finish reason and `[DONE]`, as it should. TGI has no `[DONE]`.
    Whole,
    /// With the finish reason, without `[DONE]`.
    NoDone,
    /// With `[DONE]`, without a finish reason. TGI has no `[DONE]`, so its stream has neither.
    NoFinish,
    /// The body ends in order, with neither.
    Cut,
    /// The body ends in the middle of an event.
    HalfEvent,
    /// The connection breaks.
    Break,
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// Only comments come, one per second.
    Comments,
    /// With an event that has an error in the format of the route, with this code.
    Error(u16),
    /// With an `error` event.
    ErrorEvent,
    /// With this finish reason and `[DONE]`.
    Finish(&'static str),
    /// With the finish reason `stop` and `[DONE]`, and without any text before.
    Empty,
}

impl fmt::Display for StreamEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("streams"),
            Self::NoDone => f.write_str("streams without [DONE]"),
            Self::NoFinish => f.write_str("streams without a finish reason"),
            Self::Cut => f.write_str("cuts streams off"),
            Self::HalfEvent => f.write_str("cuts streams off in an event"),
            Self::Break => f.write_str("breaks streams"),
            Self::Stall => f.write_str("stalls in streams"),
            Self::Comments => f.write_str("streams comments only"),
            Self::Error(code) => write!(f, "fails in streams with {code}"),
            Self::ErrorEvent => f.write_str("fails in streams"),
            Self::Finish(reason) => write!(f, "ends streams with {reason}"),
            Self::Empty => f.write_str("streams no text"),
        }
    }
}
