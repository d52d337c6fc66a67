//! Walks the errors behind an error, as far as they can be seen.

use crate::sync::Arc;
use std::any::Any;
use std::error::Error;
use std::io;

/// Cuts a chain that runs in a circle.
const DEPTH: usize = 64;

/// `error` and the errors behind it: what `source()` gives, and what an `io::Error` was made from
/// (`io::Error::get_ref`; its own `source()` leaves that one out), also in a `Box` or an `Arc`; and
/// what an `Arc<dyn Error>` holds.
pub(crate) fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error)).take(DEPTH)
}

/// Where the chain of `whole` begins, which dereferences to `error`. An `anyhow::Error` that was
/// made of a box shows what is behind that error, and not the error itself.
pub(crate) fn beginning<'e>(whole: &'e dyn Any, error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    #[cfg(feature = "anyhow")]
    if let Some(boxed) = whole.downcast_ref::<anyhow::Error>().and_then(anyhow::Error::downcast_ref::<AnyBox>) {
        return &**boxed;
    }
    let _ = whole;
    error
}

#[cfg(feature = "anyhow")]
type AnyBox = Box<dyn Error + Send + Sync>;

/// The first `T` of the chain, or what is in the first `Box` or `Arc` of one.
pub(crate) fn first_of<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    chain(error).find_map(as_one)
}

/// Whether a `T` of the chain is as wanted, be it in a `Box` or an `Arc`.
pub(crate) fn any_of<T: Error + 'static>(error: &(dyn Error + 'static), fits: impl Fn(&T) -> bool) -> bool {
    chain(error).filter_map(as_one).any(fits)
}

/// The error as a `T`, also out of a `Box` or an `Arc`: their own `source()` is that of the `T`,
/// which leaves it out.
pub(crate) fn as_one<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    if let Some(one) = error.downcast_ref::<T>() {
        return Some(one);
    }
    if let Some(boxed) = error.downcast_ref::<Box<T>>() {
        return Some(boxed);
    }
    error.downcast_ref::<Arc<T>>().map(|shared| &**shared)
}

fn behind<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(inner) = shared(error) {
        return Some(inner);
    }
    match as_one::<io::Error>(error).and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// What an `Arc<dyn Error>` holds, whose own `source()` leaves that one out.
fn shared<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return Some(&**shared);
    }
    if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send>>() {
        return Some(&**shared);
    }
    error.downcast_ref::<Arc<dyn Error>>().map(|shared| &**shared)
}
