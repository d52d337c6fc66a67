//! Finds the view that the type of an error allows, by the way of method look-up.

use super::ErrorView;
use crate::breaker::error::{CallError, CircuitBreakerError};
#[cfg(feature = "anyhow")]
use crate::breaker::error_chain::beginning;
use crate::sync::Arc;
use std::error::Error;
use std::fmt::Display;
use std::io;
use std::ops::Deref;

/// The first step of the lookup. The compiler finds the first `__breaker_look` that the error's
/// type allows: here, or in a type that this dereferences to, step by step. The name avoids
/// conflicts with a blanket trait of user code.
///
/// This step covers types that may be a rejection themselves and need a check. A bound cannot
/// express this for every error, since a type with lifetimes cannot be downcast. It is not known
/// which types have lifetimes when the method is chosen.
#[derive(Debug)]
pub struct OfRejections<'e, E>(OfErrors<'e, E>);

/// Every error: the errors behind it are known.
#[derive(Debug)]
pub struct OfErrors<'e, E>(OfBoxes<'e, E>);

/// Types that dereference to `dyn Error`, as `Box<dyn Error>` and `anyhow::Error` do.
#[derive(Debug)]
pub struct OfBoxes<'e, E>(OfTexts<'e, E>);

/// Types that have a text.
#[derive(Debug)]
pub struct OfTexts<'e, E>(&'e E);

/// Any other type.
#[derive(Debug)]
pub struct OfNothing;

/// Starts the lookup for an error.
#[inline]
pub const fn see<E>(error: &E) -> OfRejections<'_, E> {
    OfRejections(OfErrors(OfBoxes(OfTexts(error))))
}

/// The same where only the text may be used: a `dyn Error` that borrows.
#[inline]
pub const fn see_text<E>(error: &E) -> OfTexts<'_, E> {
    OfTexts(error)
}

macro_rules! leads_to {
    ($($way:ident => $next:ty),*) => {$(
        impl<'e, E> Deref for $way<'e, E> {
            type Target = $next;

            #[inline]
            fn deref(&self) -> &$next {
                &self.0
            }
        }
    )*};
}

leads_to!(OfRejections => OfErrors<'e, E>, OfErrors => OfBoxes<'e, E>, OfBoxes => OfTexts<'e, E>);

impl<E> Deref for OfTexts<'_, E> {
    type Target = OfNothing;

    fn deref(&self) -> &OfNothing {
        &OfNothing
    }
}

impl<'e, E> OfErrors<'e, E> {
    const fn error(&self) -> &'e E {
        self.0.0.0
    }
}

/// A type that may be a rejection itself. All of them share one method, since rustc cannot choose
/// among several where it does not know the type.
pub trait Asked: Sized + 'static {
    fn look(&self) -> ErrorView<'_>;
}

macro_rules! asked {
    ($($error:ty),*) => {$(
        impl Asked for $error {
            fn look(&self) -> ErrorView<'_> {
                ErrorView::whole(self, self)
            }
        }
    )*};
}

asked!(
    CircuitBreakerError,
    Box<CircuitBreakerError>,
    Arc<CircuitBreakerError>,
    io::Error,
    Box<io::Error>,
    Arc<io::Error>,
    Arc<dyn Error + Send + Sync + 'static>,
    Arc<dyn Error + Send + 'static>,
    Arc<dyn Error + 'static>
);

impl<'e, E: Asked> OfRejections<'e, E> {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        self.error().look()
    }
}

/// Also inspects the error inside a box, since its own chain does not show it.
#[cfg(feature = "anyhow")]
impl Asked for anyhow::Error {
    fn look(&self) -> ErrorView<'_> {
        ErrorView::whole(self, beginning(self, &**self))
    }
}

#[cfg(feature = "anyhow")]
impl Asked for Arc<anyhow::Error> {
    fn look(&self) -> ErrorView<'_> {
        (**self).look()
    }
}

impl Asked for Arc<Box<dyn Error + Send + Sync + 'static>> {
    fn look(&self) -> ErrorView<'_> {
        ErrorView::whole(self, &***self)
    }
}

impl<'e, E: Error> OfErrors<'e, E> {
    #[inline]
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        ErrorView::of(self.error())
    }
}

/// `dyn Error`, with or without `Send` and `Sync`.
pub trait Opaque {
    fn as_error(&self) -> &(dyn Error + 'static);
}

macro_rules! opaque {
    ($($error:ty),*) => {$(
        impl Opaque for $error {
            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

opaque!(dyn Error + 'static, dyn Error + Send + 'static, dyn Error + Send + Sync + 'static);

impl<'e, E: Deref<Target: Opaque> + Display> OfBoxes<'e, E> {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        ErrorView::whole(self.0.0, (**self.0.0).as_error())
    }
}

/// For an inner error that cannot be inspected.
impl<'e, E> OfBoxes<'e, CallError<E>> {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        match self.0.0 {
            CallError::Rejected(error) => ErrorView::whole(error, error),
            CallError::Inner(_) => ErrorView::NOTHING,
        }
    }
}

impl<'e, E: Display> OfTexts<'e, E> {
    #[inline]
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'e> {
        ErrorView::of_text(self.0)
    }
}

impl OfNothing {
    #[must_use]
    pub fn __breaker_look(&self) -> ErrorView<'static> {
        ErrorView::NOTHING
    }
}
