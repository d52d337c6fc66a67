//! Fits: a pattern of an error, asked of the errors behind another one too.

use crate::chain::any_of;
use crate::classify::{Opaque, Sought};
use std::error::Error;
use std::ops::Deref;

/// An error on the way to being compared with a pattern, whose type rustc learns of the pattern itself (autoref specialisation, as
/// [`Seen`](crate::seen::Seen)).
#[derive(Debug)]
pub struct Within<'e, E>(pub &'e E);

/// The error is an `Error`: it, or one behind it.
pub trait FitsChain {
    fn __breaker_fits<T: Sought>(&self, pattern: impl Fn(&T) -> bool) -> bool;
}

impl<E: Error + 'static> FitsChain for &&Within<'_, E> {
    fn __breaker_fits<T: Sought>(&self, pattern: impl Fn(&T) -> bool) -> bool {
        any_of(self.0, pattern)
    }
}

/// The error dereferences to one, as `Box<dyn Error>` and `anyhow::Error` do.
pub trait FitsTarget<E: Deref> {
    fn __breaker_fits<T: Sought>(&self, pattern: impl Fn(&T) -> bool) -> bool
    where
        E::Target: Opaque<T>;
}

impl<E> FitsTarget<E> for &Within<'_, E>
where
    E: Deref + 'static,
    E::Target: Opaque<()>,
{
    fn __breaker_fits<T: Sought>(&self, pattern: impl Fn(&T) -> bool) -> bool
    where
        E::Target: Opaque<T>,
    {
        let error = <E::Target as Opaque<T>>::as_error(self.0);
        any_of(error, &pattern) || <E::Target as Opaque<T>>::beside(self.0).is_some_and(pattern)
    }
}

/// Of every other error only its own type.
pub trait FitsItself<E> {
    fn __breaker_fits(&self, pattern: impl Fn(&E) -> bool) -> bool;
}

impl<E> FitsItself<E> for Within<'_, E> {
    fn __breaker_fits(&self, pattern: impl Fn(&E) -> bool) -> bool {
        pattern(self.0)
    }
}
