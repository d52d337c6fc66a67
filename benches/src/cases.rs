//! Cases: what happens in the calls that are measured.

/// What happens in the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Each call succeeds.
    Ok,
    /// Each call fails, and the limit of the run is out of reach.
    Err,
    /// A failure and a success in turn, so that nothing opens.
    ErrOk,
    /// Failures have opened the breaker, and it stays open.
    Open,
    /// Failures have opened the breaker, its open time is over, and a probe that waits holds the only slot.
    Full,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Err, Self::ErrOk, Self::Open, Self::Full];

    /// As tables show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Err => "err",
            Self::ErrOk => "err, ok",
            Self::Open => "open",
            Self::Full => "half-open, full",
        }
    }

    /// The requests: the first one, and from one to the next. Even ones succeed.
    pub(crate) const fn requests(self) -> (u64, u64) {
        match self {
            Self::Err => (1, 2),
            Self::ErrOk => (1, 1),
            Self::Ok | Self::Open | Self::Full => (0, 2),
        }
    }

    /// Whether the breaker rejects each call.
    #[must_use]
    pub const fn rejects(self) -> bool {
        matches!(self, Self::Open | Self::Full)
    }
}
