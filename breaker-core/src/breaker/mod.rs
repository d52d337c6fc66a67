//! One breaker: its handle, its shared state, its lock, and how its changes are reported.

pub(crate) mod caller;
pub(crate) mod cause;
pub(crate) mod classification;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod error_chain;
pub(crate) mod error_text;
pub(crate) mod function;
pub(crate) mod gate;
pub(crate) mod handle;
pub(crate) mod inner;
pub(crate) mod keyed;
pub(crate) mod last_error;
#[cfg(feature = "tracing")]
pub(crate) mod log;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod look;
pub(crate) mod pending_reports;
pub(crate) mod report;
pub(crate) mod snapshot;
#[cfg(feature = "serde")]
pub(crate) mod snapshot_json;
pub(crate) mod throttle;
pub(crate) mod transition;
