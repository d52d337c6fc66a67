//! What one call does, from its admission to what it counts as.

pub(crate) mod admission;
pub(crate) mod borrowed;
pub(crate) mod by_handle;
pub(crate) mod nesting;
pub(crate) mod permit;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod result;
#[cfg(feature = "tokio")]
pub(crate) mod runtime;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod settle;
#[cfg(feature = "stream")]
pub(crate) mod stream;
#[cfg(feature = "tokio")]
pub(crate) mod timeout;
#[cfg(not(feature = "tokio"))]
#[path = "no_timeout.rs"]
pub(crate) mod timeout;
