//! Seen: an error of any type, shown as well as its type allows.

use std::error::Error;
use std::fmt::Display;
use std::ops::Deref;

/// An error on the way to being shown: the method that fits its type best is found by the compiler, which looks at
/// `Seen` before `&Seen` (autoref specialisation, described by David Tolnay), and before what it dereferences to. Their names are
/// such that no trait of the user's that every type has can come in between.
#[derive(Debug)]
pub struct Seen<'e, E>(pub &'e E);

impl<'e, E: Display> Seen<'e, E> {
    /// The text of an error that has one. The compiler looks at `Seen` before what it stands for.
    #[must_use]
    pub fn __breaker_text(&self) -> Option<&'e dyn Display> {
        Some(self.0)
    }
}

/// What every `Seen` stands for: an error with no text.
#[derive(Debug)]
pub struct Mute;

impl Mute {
    #[must_use]
    pub fn __breaker_text(&self) -> Option<&'static dyn Display> {
        None
    }
}

impl<E> Deref for Seen<'_, E> {
    type Target = Mute;

    fn deref(&self) -> &Mute {
        &Mute
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
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)>;
}

impl<'e, E> ShowNothing<'e> for &Seen<'e, E> {
    fn __breaker_error(&self) -> Option<&'e (dyn Error + Send + Sync + 'static)> {
        None
    }
}
