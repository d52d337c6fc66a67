//! Classify: whether an error is of a type, or comes from one.

use crate::chain::chain;
use std::error::Error;
use std::ops::Deref;

/// An error that a type item of `exclude`, `success` or `include` can look into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be searched for an error of this type",
    label = "the function's error type is no `Error + 'static`, nor does it dereference to `dyn Error`",
    note = "write a pattern (`pat(MyError::Variant(..))`) or a predicate (`|e| ..`) instead of the type"
)]
pub trait Search<Way> {
    /// The error, to begin with.
    fn first(&self) -> &(dyn Error + 'static);
}

/// The error is one itself.
#[derive(Debug)]
pub struct Itself;

/// The error dereferences to one, as `Box<dyn Error>` and `anyhow::Error` do.
#[derive(Debug)]
pub struct Boxed;

impl<E: Error + 'static> Search<Itself> for E {
    fn first(&self) -> &(dyn Error + 'static) {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E> Search<Boxed> for E
where
    E: Deref,
    E::Target: Opaque,
{
    fn first(&self) -> &(dyn Error + 'static) {
        (**self).as_error()
    }
}

/// `dyn Error`, with or without `Send` and `Sync`.
pub trait Opaque {
    /// Without them.
    fn as_error(&self) -> &(dyn Error + 'static);
}

impl Opaque for dyn Error + 'static {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl Opaque for dyn Error + Send + 'static {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl Opaque for dyn Error + Send + Sync + 'static {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

/// Whether `error`, or one behind it, is a `T`. Not seen are the inner error of a thiserror variant with
/// `#[error(transparent)]`, which hides it, and an error in a `Box<T>` whose `T` is known.
pub fn is<T, E, Way>(error: &E) -> bool
where
    T: Error + 'static,
    E: Search<Way>,
{
    chain(error.first()).any(<dyn Error>::is::<T>)
}

/// What the predicate says of the error.
pub fn ask<E: ?Sized>(error: &E, predicate: impl FnOnce(&E) -> bool) -> bool {
    predicate(error)
}
