//! Seen: an error of any type, shown as well as its type allows.

use std::error::Error;
use std::fmt::Display;

/// An error on the way to being shown: the method that fits its type best is found by the compiler, which looks at
/// `Seen` before `&Seen` (autoref specialisation, described by David Tolnay). Their names are such that no trait of the user's that
/// every type has can come in between.
#[derive(Debug)]
pub struct Seen<'e, E>(pub &'e E);

/// The text of an error that has one.
pub trait ShowText<'e> {
    fn __breaker_text(&self) -> Option<&'e dyn Display>;
}

impl<'e, E: Display> ShowText<'e> for Seen<'e, E> {
    fn __breaker_text(&self) -> Option<&'e dyn Display> {
        Some(self.0)
    }
}

/// An error as `dyn Error`, if it is one.
pub trait ShowError<'e> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E: Error + Send + Sync + 'static> ShowError<'e> for Seen<'e, E> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        Some(self.0)
    }
}

impl<'e> Seen<'e, Box<dyn Error + Send + Sync + 'static>> {
    #[must_use]
    pub fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        Some(&**self.0)
    }
}

/// Of every other error there is nothing to show.
pub trait ShowNothing<'e> {
    fn __breaker_text(&self) -> Option<&'e dyn Display>;
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E> ShowNothing<'e> for &Seen<'e, E> {
    fn __breaker_text(&self) -> Option<&'e dyn Display> {
        None
    }

    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        None
    }
}
