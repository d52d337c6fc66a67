//! Provides what a function returns in place of the service's answer.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `failed_call`, `context`, `steps` | a failed call while its steps run; what a step sees; what it may return |
//! | `settle`, `stream` | endings that may fall back |
//! | `timed` | a step under its time limit |
//! | `store`, `cache`, `cache_key`, `moka` | the step `cache(..)` |
//! | `plain` | functions that return no `Result` |
//! | `served` | which fallbacks answered |
//!
//! May use: `registry`, `call`, `classify`, `breaker` and what is below them. To add a kind of
//! step, add what it may return to `steps`, and its form to `breaker-macros/src/parse/fallback.rs`.

#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod cache;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod cache_key;
pub(crate) mod context;
pub(crate) mod failed_call;
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
