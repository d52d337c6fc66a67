//! Classifies a full result.

use crate::classify::Classify;
use crate::classify::shown::{Show, Shown};
use crate::machine::outcome::Outcome;

/// What a full result counts as, where both sides say it:
/// `#[circuit_breaker(classify = presets::both)]`. For instance, an HTTP response is `Ok` whatever
/// its status.
pub fn both<T: Classify, E: Classify>(result: &Result<T, E>) -> Outcome {
    match result {
        Ok(value) => value.classify(),
        Err(error) => error.classify(),
    }
}

/// Does for calls by a handle what the attribute without settings does. Every `Err` is a failure,
/// unless it is, or comes from, a rejection by another breaker. Such a rejection is ignored, since
/// the service was not called. The error's text, and that of the errors behind it, are shown.
///
/// The error is any `Error`, a `Box<dyn Error>`, an `anyhow::Error` or a string.
///
/// ```
/// # use breaker_core::{CircuitBreaker, Config, presets};
/// let (outer, inner) = (CircuitBreaker::new("outer", Config::new())?, CircuitBreaker::new("inner", Config::new())?);
/// inner.force_open();
/// outer.call_sync_classified(|| inner.call_sync(|| Ok::<_, std::io::Error>(1)), presets::errors).unwrap_err();
/// assert_eq!(outer.snapshot().failure_count, 0);
/// # Ok::<(), breaker_core::ConfigError>(())
/// ```
pub fn errors<T, E: Show<Way>, Way>(result: &Result<T, E>) -> Shown<E> {
    Shown::of(result.as_ref().map(|_| ()))
}
