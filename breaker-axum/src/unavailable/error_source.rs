//! Finds the breaker's error in those that an `UnavailableLayer` can look into.

use super::axum::BoxError;
use std::error::Error;

/// An error as a `dyn Error`: every [`std::error::Error`], and [`BoxError`], which does not
/// implement that trait.
///
/// `K` distinguishes both implementations. The module is private, so no other crate can add one.
pub trait AsError<K> {
    /// The error itself.
    fn as_error(&self) -> &(dyn Error + 'static);
}

/// The kind of every [`std::error::Error`].
#[derive(Debug)]
pub enum Plain {}

/// The kind of a [`BoxError`].
#[derive(Debug)]
pub enum Boxed {}

impl<E: Error + 'static> AsError<Plain> for E {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl AsError<Boxed> for BoxError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}
