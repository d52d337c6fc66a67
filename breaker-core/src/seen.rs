//! Seen: an error of any type, shown as well as its type allows.

use std::error::Error;
use std::fmt::Display;

/// An error on the way to being shown: the method that fits its type best is found by the compiler, which looks at
/// `Seen` before `&Seen` (autoref specialisation, described by David Tolnay).
#[derive(Debug)]
pub struct Seen<'e, E>(pub &'e E);

/// The text of an error that has one.
pub trait ShowText<'e> {
    fn text(&self) -> Option<&'e dyn Display>;
}

impl<'e, E: Display> ShowText<'e> for Seen<'e, E> {
    fn text(&self) -> Option<&'e dyn Display> {
        Some(self.0)
    }
}

/// An error as `dyn Error`, if it is one.
pub trait ShowError<'e> {
    fn error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E: Error + Send + Sync + 'static> ShowError<'e> for Seen<'e, E> {
    fn error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        Some(self.0)
    }
}

impl<'e> Seen<'e, Box<dyn Error + Send + Sync + 'static>> {
    #[must_use]
    pub fn error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        Some(&**self.0)
    }
}

/// Of every other error there is nothing to show.
pub trait ShowNothing<'e> {
    fn text(&self) -> Option<&'e dyn Display>;
    fn error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E> ShowNothing<'e> for &Seen<'e, E> {
    fn text(&self) -> Option<&'e dyn Display> {
        None
    }

    fn error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        None
    }
}
