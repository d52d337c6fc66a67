//! Reports what leaves a breaker: events for listeners and channels, and metrics.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `event` | the public events, and the trait `Listener` |
//! | `listener`, `added_listener` | lets a listener observe breakers; removes it |
//! | `channel` | events that another task receives |
//! | `metrics` | what is counted for Prometheus and the like |
//!
//! May use: `breaker` and what is below it. To add a listener of the library's own, implement
//! `breaker::report::Observer`.

pub(crate) mod added_listener;
#[cfg(feature = "tokio")]
pub(crate) mod channel;
pub mod event;
pub(crate) mod listener;
#[cfg(feature = "metrics")]
pub mod metrics;
