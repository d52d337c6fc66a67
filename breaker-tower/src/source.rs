//! Where a layer has its breaker from.

use breaker_core::CircuitBreaker;
use std::fmt;

/// The breaker of a layer: a name (`&str`, `String`), or a [`CircuitBreaker`] itself.
pub struct BreakerSource(pub(crate) Source);

pub(crate) enum Source {
    Name(String),
    Breaker(CircuitBreaker),
}

impl BreakerSource {
    /// The breaker's name.
    pub(crate) fn name(&self) -> &str {
        match &self.0 {
            Source::Name(name) => name,
            Source::Breaker(breaker) => breaker.name(),
        }
    }
}

impl From<&str> for BreakerSource {
    fn from(name: &str) -> Self {
        Self(Source::Name(name.to_owned()))
    }
}

impl From<String> for BreakerSource {
    fn from(name: String) -> Self {
        Self(Source::Name(name))
    }
}

impl From<CircuitBreaker> for BreakerSource {
    fn from(breaker: CircuitBreaker) -> Self {
        Self(Source::Breaker(breaker))
    }
}

impl From<&CircuitBreaker> for BreakerSource {
    fn from(breaker: &CircuitBreaker) -> Self {
        Self(Source::Breaker(breaker.clone()))
    }
}

impl fmt::Debug for BreakerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BreakerSource").field(&self.name()).finish()
    }
}
