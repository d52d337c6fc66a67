//! Defines the body that each admitted call runs.

use breaker_core::CircuitBreakerError;
use std::fmt;
use std::hint::black_box;

/// The error of the body and of an annotated function.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The service failed.
    Service,
    /// The hand-written check rejected the call.
    Refused,
    /// The hand-written check rejected the call, with a time for the next attempt.
    Until { name: &'static str, wait: u64 },
    /// Our breaker rejected the call.
    Open(CircuitBreakerError),
}

impl From<CircuitBreakerError> for Fault {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => f.write_str("the service failed"),
            Self::Refused => f.write_str("refused"),
            Self::Until { name, wait } => write!(f, "{name} refused; come back in {wait} ticks"),
            Self::Open(rejection) => rejection.fmt(f),
        }
    }
}

/// Even requests succeed, odd ones fail. It is not inlined, so it is the same code behind each
/// breaker.
#[inline(never)]
pub(crate) fn upstream(request: u64) -> Result<u64, Fault> {
    if black_box(request) & 1 == 0 { Ok(request) } else { Err(Fault::Service) }
}

/// The bare call. The polled-by-pointer case uses another function, which leaves the first one to
/// be inlined.
pub(crate) async fn body<const BY_POINTER: bool>(request: u64) -> Result<u64, Fault> {
    upstream(request)
}

/// A body that waits forever where [`body`] succeeds, for the probe that holds a slot.
pub(crate) async fn body_or_wait(request: u64) -> Result<u64, Fault> {
    if request & 1 == 0 {
        std::future::pending::<()>().await;
    }
    upstream(request)
}
