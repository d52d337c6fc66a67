//! Cases: what happens in the calls that are measured.

/// What happens in the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Each call succeeds.
    Ok,
    /// The same where the future is polled through a pointer, as a task, a box and whatever the
    /// compiler finds too large to inline are.
    Pointer,
    /// Each call fails, and the limit of the run is out of reach.
    Err,
    /// A failure and a success in turn, so that nothing opens.
    ErrOk,
    /// Failures have opened the breaker, and it stays open.
    Open,
    /// Failures have opened the breaker, its open time is over, and a probe that waits holds the
    /// only slot.
    Full,
    /// Successes that a window over 10 calls looks at.
    Window10,
    /// Successes that a window over 1,000 calls looks at.
    Window1000,
    /// Successes that a window over 100,000 calls looks at.
    Window100000,
    /// Successes that a window over 10 seconds looks at.
    WindowOfTime,
    /// Successes, each of which may be slow.
    Slow,
    /// Successes, each inside a call of the same breaker that succeeds too.
    Nested,
    /// Successes, each inside a call of another breaker that succeeds too.
    Within,
    /// Successes on the breaker of one of many values.
    Key,
    /// Successes of a function that has a fallback.
    Fallback,
    /// Calls that the fallback answers, since failures have opened the breaker.
    Fallen,
    /// Successes whose metrics are exported, with a Prometheus recorder in the process.
    Prometheus,
    /// Successes with a `tracing` subscriber in the process that takes errors only. It comes last,
    /// since it stays.
    Subscriber,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Ok,
        Self::Pointer,
        Self::Err,
        Self::ErrOk,
        Self::Open,
        Self::Full,
        Self::Window10,
        Self::Window1000,
        Self::Window100000,
        Self::WindowOfTime,
        Self::Slow,
        Self::Nested,
        Self::Within,
        Self::Key,
        Self::Fallback,
        Self::Fallen,
        Self::Prometheus,
        Self::Subscriber,
    ];

    /// As tables show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pointer => "ok, by pointer",
            Self::Err => "err",
            Self::ErrOk => "err, ok",
            Self::Open => "open",
            Self::Full => "half-open, full",
            Self::Window10 => "ok, window 10",
            Self::Window1000 => "ok, window 1,000",
            Self::Window100000 => "ok, window 100,000",
            Self::WindowOfTime => "ok, window 10 s",
            Self::Slow => "ok, slow rule",
            Self::Nested => "ok, nested",
            Self::Within => "ok, within another",
            Self::Key => "ok, key",
            Self::Fallback => "ok, fallback",
            Self::Fallen => "open, fallback",
            Self::Prometheus => "ok, Prometheus",
            Self::Subscriber => "ok, subscriber",
        }
    }

    /// The requests: the first one, and from one to the next. Even ones succeed.
    pub(crate) const fn requests(self) -> (u64, u64) {
        match self {
            Self::Err => (1, 2),
            Self::ErrOk => (1, 1),
            _ => (0, 2),
        }
    }

    /// Whether no call comes to its body.
    #[must_use]
    pub const fn rejects(self) -> bool {
        matches!(self, Self::Open | Self::Full | Self::Fallen)
    }

    /// What the bare call does in this case; `None` where it has nothing to be compared with.
    #[must_use]
    pub const fn bare(self) -> Option<Self> {
        match self {
            Self::Open | Self::Full | Self::Fallen => None,
            Self::Err | Self::ErrOk | Self::Pointer => Some(self),
            _ => Some(Self::Ok),
        }
    }

    /// The case with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}
