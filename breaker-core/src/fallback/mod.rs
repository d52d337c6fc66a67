//! What a function gives in place of the service's answer.

#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod cache;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod cache_key;
pub(crate) mod context;
pub(crate) mod fallen;
#[cfg(feature = "moka")]
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod moka;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod plain;
pub(crate) mod served;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod settle;
pub(crate) mod steps;
pub(crate) mod store;
#[cfg(feature = "stream")]
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod stream;
pub(crate) mod timed;
