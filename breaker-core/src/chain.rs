//! Chain: the errors behind an error, as far as they can be seen.

use std::error::Error;
use std::io;

/// Cuts a chain that runs in a circle.
const DEPTH: usize = 64;

/// `error` and the errors behind it: what `source()` gives, and what an `io::Error` was made from
/// (`io::Error::get_ref`; its own `source()` leaves that one out).
pub(crate) fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error)).take(DEPTH)
}

fn behind<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
