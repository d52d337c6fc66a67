//! Walks the errors behind an error, as far as they are visible.

use crate::sync::Arc;
use std::any::Any;
use std::error::Error;
use std::io;

/// The maximum length of a chain, since a chain may be circular.
const DEPTH: usize = 64;

/// `error` and the errors behind it. Those are the results of `source()`, and the error inside an
/// `io::Error` (`io::Error::get_ref`), since its own `source()` skips that one. Errors inside a
/// `Box` or an `Arc` are included, as is the error of an `Arc<dyn Error>`.
pub(crate) fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error)).take(DEPTH)
}

/// Where the chain of `outer` begins, a value that dereferences to `error`. An `anyhow::Error` made
/// from a box shows the errors behind that error, and not the error itself.
pub(crate) fn beginning<'e>(outer: &'e dyn Any, error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    #[cfg(feature = "anyhow")]
    if let Some(boxed) = outer.downcast_ref::<anyhow::Error>().and_then(anyhow::Error::downcast_ref::<AnyBox>) {
        return &**boxed;
    }
    let _ = outer;
    error
}

#[cfg(feature = "anyhow")]
type AnyBox = Box<dyn Error + Send + Sync>;

/// The first `T` of the chain, or the content of the first `Box` or `Arc` of one.
pub(crate) fn first_of<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    chain(error).find_map(as_one)
}

/// Whether a `T` of the chain fits, also in a `Box` or an `Arc`.
pub(crate) fn any_of<T: Error + 'static>(error: &(dyn Error + 'static), fits: impl Fn(&T) -> bool) -> bool {
    chain(error).filter_map(as_one).any(fits)
}

/// The error as a `T`, also out of a `Box` or an `Arc`. Their own `source()` is that of the `T` and
/// skips the `T` itself.
pub(crate) fn as_one<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    if let Some(one) = error.downcast_ref::<T>() {
        return Some(one);
    }
    if let Some(boxed) = error.downcast_ref::<Box<T>>() {
        return Some(boxed);
    }
    error.downcast_ref::<Arc<T>>().map(|inner| &**inner)
}

fn behind<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(inner) = in_arc(error) {
        return Some(inner);
    }
    match as_one::<io::Error>(error).and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The error in an `Arc<dyn Error>`, whose own `source()` skips it.
fn in_arc<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(inner) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return Some(&**inner);
    }
    if let Some(inner) = error.downcast_ref::<Arc<dyn Error + Send>>() {
        return Some(&**inner);
    }
    error.downcast_ref::<Arc<dyn Error>>().map(|inner| &**inner)
}
