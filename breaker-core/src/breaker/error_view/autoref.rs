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

/// The first step of the lookup. The compiler finds the first `__breaker_view` that the error's
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
pub const fn inspect<E>(error: &E) -> OfRejections<'_, E> {
    OfRejections(OfErrors(OfBoxes(OfTexts(error))))
}

/// The same where only the text may be used: a `dyn Error` that borrows.
#[inline]
pub const fn inspect_text<E>(error: &E) -> OfTexts<'_, E> {
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
pub trait MaybeRejection: Sized + 'static {
    fn view(&self) -> ErrorView<'_>;
}

macro_rules! maybe_rejection {
    ($($error:ty),*) => {$(
        impl MaybeRejection for $error {
            fn view(&self) -> ErrorView<'_> {
                ErrorView::of_chain(self, self)
            }
        }
    )*};
}

maybe_rejection!(
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

impl<'e, E: MaybeRejection> OfRejections<'e, E> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        self.error().view()
    }
}

/// Also inspects the error inside a box, since its own chain does not show it.
#[cfg(feature = "anyhow")]
impl MaybeRejection for anyhow::Error {
    fn view(&self) -> ErrorView<'_> {
        ErrorView::of_chain(self, beginning(self, &**self))
    }
}

#[cfg(feature = "anyhow")]
impl MaybeRejection for Arc<anyhow::Error> {
    fn view(&self) -> ErrorView<'_> {
        (**self).view()
    }
}

impl MaybeRejection for Arc<Box<dyn Error + Send + Sync + 'static>> {
    fn view(&self) -> ErrorView<'_> {
        ErrorView::of_chain(self, &***self)
    }
}

impl<'e, E: Error> OfErrors<'e, E> {
    #[inline]
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        ErrorView::of(self.error())
    }
}

/// `dyn Error`, with or without `Send` and `Sync`.
pub trait DynError {
    fn as_error(&self) -> &(dyn Error + 'static);
}

macro_rules! dyn_error {
    ($($error:ty),*) => {$(
        impl DynError for $error {
            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

dyn_error!(dyn Error + 'static, dyn Error + Send + 'static, dyn Error + Send + Sync + 'static);

impl<'e, E: Deref<Target: DynError> + Display> OfBoxes<'e, E> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        ErrorView::of_chain(self.0.0, (**self.0.0).as_error())
    }
}

/// For an inner error that cannot be inspected.
impl<'e, E> OfBoxes<'e, CallError<E>> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        match self.0.0 {
            CallError::Rejected(error) => ErrorView::of_chain(error, error),
            CallError::Inner(_) => ErrorView::NOTHING,
        }
    }
}

impl<'e, E: Display> OfTexts<'e, E> {
    #[inline]
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        ErrorView::of_text(self.0)
    }
}

impl OfNothing {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'static> {
        ErrorView::NOTHING
    }
}
