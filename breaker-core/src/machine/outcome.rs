//! What the result of a call means to the breaker.

use std::time::Duration;

/// What the result of a call says about the service behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The service answered: clears a run of failures, and a probe that ends so counts for closing.
    Success,
    /// The result proves nothing about the service (a local validation error): it is neither
    /// counted nor clears a run of failures, and a probe that ends so gives its slot back.
    Ignored,
    /// The service failed: counts against it.
    Failure {
        /// In how long the service itself asked to be called again (an HTTP `Retry-After`), if it
        /// did. When this failure opens the breaker, it stays open at least so long, but not longer
        /// than the `max` of its `backoff` (10 minutes without one). `#[retry]` waits so long, or
        /// gives up, and a fallback step sees it.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// The service answered.
    #[must_use]
    pub const fn success() -> Self {
        Self::Success
    }

    /// The result proves nothing.
    #[must_use]
    pub const fn ignored() -> Self {
        Self::Ignored
    }

    /// The service failed.
    #[must_use]
    pub const fn failure() -> Self {
        Self::Failure { retry_after: None }
    }

    /// The service failed and asked to be left alone for `retry_after`.
    #[must_use]
    pub const fn failure_with_retry_after(retry_after: Duration) -> Self {
        Self::Failure { retry_after: Some(retry_after) }
    }

    /// Whether this is a failure.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failure { .. })
    }
}

/// How an admitted call ended: with a result, or in one of the ways that give none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The body came back, or was cut off by its time limit, which is a failure.
    Result(Outcome),
    /// The body's own poll panicked.
    Panicked,
    /// The call was dropped before it had a result. `took`: how long it took, where that is not the
    /// time until now.
    Dropped { took: Option<Duration> },
    /// Its stream was dropped after it had given items. `waited`: how long its reader had waited
    /// for the next one, if it did.
    #[cfg_attr(not(feature = "stream"), expect(dead_code, reason = "there are no streams"))]
    Left { waited: Option<Duration> },
}

impl Ending {
    /// Whether the call was dropped.
    pub(crate) const fn is_drop(self) -> bool {
        matches!(self, Self::Dropped { .. } | Self::Left { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_whatever_it_asks_for_and_nothing_else_is() {
        for failure in [Outcome::failure(), Outcome::failure_with_retry_after(Duration::from_secs(1))] {
            assert!(failure.is_failure());
        }
        assert!(!Outcome::Success.is_failure() && !Outcome::Ignored.is_failure());
    }
}
