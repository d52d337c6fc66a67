//! State: what a breaker shows of itself, and its names in logs, metrics and JSON.

use std::fmt;

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are rejected until the recovery timeout is over.
    Open,
    /// A few probes pass, the other calls are rejected.
    HalfOpen,
    /// Calls are rejected by hand, until released.
    ForcedOpen,
    /// Calls pass straight through and are not counted.
    Disabled,
    /// Calls pass; the breaker counts and tells what it would have done.
    Shadow,
}

impl State {
    /// The name in logs, metrics and JSON: `closed`, `open`, `half_open`, `forced_open`, `disabled`, `shadow`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::Shadow => "shadow",
        }
    }

    /// Whether calls pass as if all were well: neither open, forced open nor half-open.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        !matches!(self, Self::Open | Self::HalfOpen | Self::ForcedOpen)
    }
}

/// A state as a number from 0 to 5, in the order above. What is written down for each rejected call and seldom looked at costs the least so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl From<State> for Code {
    fn from(state: State) -> Self {
        Self(state as u8)
    }
}

impl Code {
    pub(crate) const fn state(self) -> State {
        match self.0 {
            0 => State::Closed,
            1 => State::Open,
            2 => State::HalfOpen,
            3 => State::ForcedOpen,
            4 => State::Disabled,
            _ => State::Shadow,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
