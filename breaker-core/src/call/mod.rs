//! Runs one call, in this order:
//!
//! 1. [`admission`] decides whether the call is admitted.
//! 2. [`by_handle`] and [`handle_call`] run the body under its [`permit`], or under a [`borrowed`]
//!    one. ([`nesting`] tracks the enclosing calls.) [`counted`] begins and ends a call that needs
//!    only a count in a window or by a meter.
//! 3. [`timeout`] ends a call at its time limit; [`runtime`] identifies the runtime of its timer.
//! 4. [`result`] says what a guarded function returns, and makes errors of rejections.
//! 5. [`settle`] classifies the result, and ends the permit with the outcome.
//! 6. [`permit`] (`ending`, and `of_stream` for streams) counts the ending and reports it;
//!    [`kept_failure`] keeps the error that snapshots show.
//!
//! A call whose result is a stream continues in `stream`. `classify` says which results are
//! failures. Annotated functions enter through `macro_support`.
//!
//! May use: `breaker` and what is below it. To add something that a call does, add it to the step
//! above that it belongs to. What a permit does at its end is in `permit/ending`.

pub(crate) mod admission;
pub(crate) mod borrowed;
pub(crate) mod by_handle;
pub(crate) mod counted;
pub(crate) mod handle_call;
pub(crate) mod kept_failure;
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
pub(crate) mod timeout;
