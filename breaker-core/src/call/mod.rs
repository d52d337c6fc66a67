//! What one call does, in this order:
//!
//! 1. [`admission`]: asks whether the call may be made.
//! 2. [`by_handle`] polls the body under its [`permit`]; [`borrowed`] does so without one.
//!    ([`nesting`] knows the calls around it.)
//! 3. [`timeout`] ends a call at its time limit; [`runtime`] knows whose timer that is.
//! 4. [`result`] says what a guarded function returns, and makes errors of rejections.
//! 5. [`settle`] asks what the result counts as, and ends the permit with that.
//! 6. [`permit`] counts the ending and reports it.
//!
//! A call whose result is a stream goes on in `stream`. What may be failures is in `classify`;
//! annotated functions come in by `macro_support`.
//!
//! May use: `breaker` and what is below it.

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
