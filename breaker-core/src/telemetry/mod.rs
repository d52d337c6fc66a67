//! What leaves a breaker: events to listeners, to channels and to metrics.

pub(crate) mod added_listener;
#[cfg(feature = "tokio")]
pub(crate) mod channel;
pub mod event;
pub(crate) mod listener;
#[cfg(feature = "metrics")]
pub mod metrics;
