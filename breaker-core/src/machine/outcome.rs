//! Says what the result of a call means to the breaker.

use std::time::Duration;

/// What the result of a call says about the service behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The service answered. It ends the failure streak, and a probe that ends so counts for
    /// closing.
    Success,
    /// The result proves nothing about the service, as with a local validation error. It is not
    /// counted and does not end the failure streak. A probe that ends so gives its slot back.
    Ignored,
    /// The service failed: counts against it.
    Failure {
        /// The delay that the service itself requested (an HTTP `Retry-After`), if it did. When
        /// this failure opens the breaker, it stays open at least that long. The `max` of its
        /// `backoff` is the upper limit (10 minutes without one). `#[retry]` waits that long, or
        /// gives up, and a fallback step receives the value.
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

    /// The service failed and requested no calls for `retry_after`.
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

/// How an admitted call ended: with a result, or in one of the ways without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The body returned, or timed out. A timeout is a failure.
    Result(Outcome),
    /// The body's own poll panicked.
    Panicked,
    /// The call was dropped before it had a result. `took`: how long it took, where that is not the
    /// time until now.
    Dropped { took: Option<Duration> },
    /// Its stream was dropped after it had returned items. `waited`: how long its reader had waited
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
    fn only_a_failure_is_one_with_any_requested_delay() {
        for failure in [Outcome::failure(), Outcome::failure_with_retry_after(Duration::from_secs(1))] {
            assert!(failure.is_failure());
        }
        assert!(!Outcome::Success.is_failure() && !Outcome::Ignored.is_failure());
    }
}
