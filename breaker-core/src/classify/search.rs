//! Matches a pattern against an error, and against the errors behind it.

use crate::breaker::error_chain::{any_of, beginning};
use crate::classify::{DynError, Sought};
use crate::sync::Arc;
use std::error::Error;
use std::ops::Deref;

/// Wraps an error for the comparison with a pattern (autoref specialisation, as
/// [`AsError`](crate::macro_support::show_error::AsError)).
#[derive(Debug)]
pub struct Within<'e, E>(pub &'e E);

/// Where a pattern of a `T` is searched for. rustc learns the type from the pattern itself.
#[diagnostic::on_unimplemented(
    message = "`{T}` is not an error type, so no error can have this type",
    label = "expected a pattern of a type that is `Error + 'static`",
    note = "write a pattern of the function's own error (`MyError::Variant`), or a predicate (`|e| ..`)"
)]
pub trait Fits<T> {
    fn any(self, pattern: impl Fn(&T) -> bool) -> bool;
}

/// The error is an `Error`: it is searched, and the errors behind it.
#[derive(Debug)]
pub struct OfChain<'e>(&'e (dyn Error + 'static));

#[diagnostic::do_not_recommend]
impl<T: Sought> Fits<T> for OfChain<'_> {
    fn any(self, pattern: impl Fn(&T) -> bool) -> bool {
        any_of(self.0, pattern)
    }
}

/// The error dereferences to an `Error`, as `Box<dyn Error>` and `anyhow::Error` do.
#[derive(Debug)]
pub struct OfTarget<'e, E>(&'e E);

#[diagnostic::do_not_recommend]
impl<T, E> Fits<T> for OfTarget<'_, E>
where
    T: Sought,
    E: Deref + 'static,
    E::Target: DynError<T>,
{
    fn any(self, pattern: impl Fn(&T) -> bool) -> bool {
        any_of(beginning(self.0, (**self.0).as_error()), &pattern) || E::Target::beside(self.0).is_some_and(pattern)
    }
}

/// For every other error only its own type is compared.
#[derive(Debug)]
pub struct OfItself<'e, E>(&'e E);

#[diagnostic::do_not_recommend]
impl<E> Fits<E> for OfItself<'_, E> {
    fn any(self, pattern: impl Fn(&E) -> bool) -> bool {
        pattern(self.0)
    }
}

pub trait ByChain<'e> {
    fn __breaker_way(&self) -> OfChain<'e>;
}

impl<'e, E: Error + 'static> ByChain<'e> for &&Within<'e, E> {
    fn __breaker_way(&self) -> OfChain<'e> {
        OfChain(self.0)
    }
}

pub trait ByTarget<'e, E> {
    fn __breaker_way(&self) -> OfTarget<'e, E>;
}

impl<'e, E> ByTarget<'e, E> for &Within<'e, E>
where
    E: Deref + 'static,
    E::Target: DynError<()>,
{
    fn __breaker_way(&self) -> OfTarget<'e, E> {
        OfTarget(self.0)
    }
}

/// A shared box, as `Arc<anyhow::Error>`.
impl<'e, E> ByTarget<'e, E> for &Within<'e, Arc<E>>
where
    E: Deref + 'static,
    E::Target: DynError<()>,
{
    fn __breaker_way(&self) -> OfTarget<'e, E> {
        OfTarget(self.0)
    }
}

pub trait ByItself<'e, E> {
    fn __breaker_way(&self) -> OfItself<'e, E>;
}

impl<'e, E> ByItself<'e, E> for Within<'e, E> {
    fn __breaker_way(&self) -> OfItself<'e, E> {
        OfItself(self.0)
    }
}

/// Whether a `T` in it fits.
pub fn fits<T, W: Fits<T>>(way: W, pattern: impl Fn(&T) -> bool) -> bool {
    way.any(pattern)
}
