//! Names the states of a breaker, as logs, metrics and JSON show them.

use std::fmt;

/// The state of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls are admitted.
    Closed,
    /// Calls are rejected until the recovery timeout is over.
    Open,
    /// A few probes are admitted, the other calls are rejected.
    HalfOpen,
    /// Calls are rejected by a manual override, until it is cleared.
    ForcedOpen,
    /// Calls pass straight through and are not counted.
    Disabled,
    /// Calls pass. The breaker counts them and reports what it would have done.
    Shadow,
}

impl State {
    /// The name in logs, metrics and JSON: `closed`, `open`, `half_open`, `forced_open`,
    /// `disabled`, `shadow`.
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

    /// Whether calls are admitted normally: neither open, forced open nor half-open.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        !matches!(self, Self::Open | Self::HalfOpen | Self::ForcedOpen)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
