//! The breakers of a process by name.

pub(crate) mod call_site;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod declaration;
pub(crate) mod inner;
#[cfg(feature = "test-util")]
pub(crate) mod isolation;
pub(crate) mod logged_once;
#[cfg(feature = "metrics")]
mod metrics;
pub(crate) mod registry;
#[cfg(feature = "tokio")]
pub(crate) mod watch;
