//! Lists the cases: what happens in the measured calls.

use crate::drive::Kind;

/// What happens in the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Each call succeeds.
    Ok,
    /// Each call succeeds, and its future is polled through a pointer. Tasks, boxes and futures
    /// that the compiler does not inline work that way.
    Pointer,
    /// Each call fails, and the limit of consecutive failures is out of reach.
    Err,
    /// As `Err`, without a limit for the time between two failures.
    ErrAnyTime,
    /// Failures and successes alternate, so nothing opens.
    ErrOk,
    /// Failures have opened the breaker, and it stays open.
    Open,
    /// Failures have opened the breaker, its open period is over, and a pending probe holds the
    /// only slot.
    Full,
    /// Successes in a window of 10 calls.
    Window10,
    /// Successes in a window of 1,000 calls.
    Window1000,
    /// Successes in a window of 100,000 calls.
    Window100000,
    /// Successes in a window of 10 seconds.
    WindowOfTime,
    /// Successes with a limit for slow calls.
    Slow,
    /// Successes, each inside a successful call of the same breaker.
    Nested,
    /// Successes, each inside a successful call of another breaker.
    Within,
    /// Successes on the breaker of one of many keys.
    Key,
    /// Successes of a function that has a fallback.
    Fallback,
    /// Calls that the fallback serves, since failures have opened the breaker.
    Fallen,
    /// Successes whose metrics are exported, with a Prometheus recorder in the process.
    Prometheus,
    /// Successes with a `tracing` subscriber that takes errors only. It comes last, since the
    /// subscriber stays installed.
    Subscriber,
}

impl Case {
    /// All cases.
    pub const ALL: [Self; 19] = [
        Self::Ok,
        Self::Pointer,
        Self::Err,
        Self::ErrAnyTime,
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

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Pointer => "ok, by pointer",
            Self::Err => "err",
            Self::ErrAnyTime => "err, no fail_window",
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

    /// The first request, and the step to the next one. Even requests succeed.
    pub(crate) const fn requests(self) -> (u64, u64) {
        match self {
            Self::Err | Self::ErrAnyTime => (1, 2),
            Self::ErrOk => (1, 1),
            _ => (0, 2),
        }
    }

    /// Whether no call runs its body.
    #[must_use]
    pub const fn rejects(self) -> bool {
        matches!(self, Self::Open | Self::Full | Self::Fallen)
    }

    /// How call N ends, counted from 0.
    #[must_use]
    pub const fn expected(self, n: usize) -> Kind {
        match self {
            Self::Open | Self::Full => Kind::Rejected,
            Self::Err | Self::ErrAnyTime => Kind::Err,
            Self::ErrOk if n.is_multiple_of(2) => Kind::Err,
            _ => Kind::Ok,
        }
    }

    /// The baseline's case; `None` where there is no baseline.
    #[must_use]
    pub const fn bare(self) -> Option<Self> {
        match self {
            Self::Open | Self::Full | Self::Fallen => None,
            Self::Err | Self::ErrOk | Self::Pointer => Some(self),
            Self::ErrAnyTime => Some(Self::Err),
            _ => Some(Self::Ok),
        }
    }

    /// The case with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}
