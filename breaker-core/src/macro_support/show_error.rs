//! Shows an error of any type as a `dyn Error`, if it is one.

use std::error::Error;

/// Wraps an error that has to be shown. The compiler finds the method that fits its type best: it
/// looks at `AsError` before `&AsError` (autoref specialisation, described by David Tolnay). The
/// name of the method avoids a conflict with user traits that every type implements.
#[derive(Debug)]
pub struct AsError<'e, E>(pub &'e E);

/// An error as `dyn Error`, if it is one.
pub trait ShowError<'e> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E: Error + Send + Sync + 'static> ShowError<'e> for AsError<'e, E> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        Some(self.0)
    }
}

impl<'e> AsError<'e, Box<dyn Error + Send + Sync + 'static>> {
    #[must_use]
    pub fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        Some(&**self.0)
    }
}

/// For every other error there is nothing to show.
pub trait ShowNothing<'e> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E> ShowNothing<'e> for &AsError<'e, E> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        None
    }
}
