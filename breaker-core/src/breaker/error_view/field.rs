//! Inspects a field of an error that may hold an error, or none.

use super::ErrorView;
use super::autoref::{DynError, MaybeRejection, OfRejections, inspect};
use crate::breaker::error::CallError;
use std::error::Error;
use std::fmt::Display;
use std::ops::Deref;

/// The first step of the lookup for a field, as [`OfRejections`] is for the error itself. First
/// come `Option`s: of a type that may be a rejection itself, of any error, and of a type that
/// dereferences to `dyn Error`.
#[derive(Debug)]
pub struct Field<'e, F>(OfErrors<'e, F>);

/// An `Option` of any error.
#[derive(Debug)]
pub struct OfErrors<'e, F>(OfBoxes<'e, F>);

/// An `Option` of a type that dereferences to `dyn Error`.
#[derive(Debug)]
pub struct OfBoxes<'e, F>(&'e F, OfRejections<'e, F>);

/// Starts the lookup for a field.
#[inline]
pub const fn inspect_field<F>(field: &F) -> Field<'_, F> {
    Field(OfErrors(OfBoxes(field, inspect(field))))
}

impl<'e, F> Deref for Field<'e, F> {
    type Target = OfErrors<'e, F>;

    fn deref(&self) -> &OfErrors<'e, F> {
        &self.0
    }
}

impl<'e, F> Deref for OfErrors<'e, F> {
    type Target = OfBoxes<'e, F>;

    fn deref(&self) -> &OfBoxes<'e, F> {
        &self.0
    }
}

impl<'e, F> Deref for OfBoxes<'e, F> {
    type Target = OfRejections<'e, F>;

    fn deref(&self) -> &OfRejections<'e, F> {
        &self.1
    }
}

impl<'e, E: MaybeRejection> Field<'e, Option<E>> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        self.0.0.0.as_ref().map_or(ErrorView::NOTHING, E::view)
    }
}

impl<'e, E: Error> OfErrors<'e, Option<E>> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        self.0.0.as_ref().map_or(ErrorView::NOTHING, |error| ErrorView::of(error))
    }
}

impl<'e, E: Deref<Target: DynError> + Display> OfBoxes<'e, Option<E>> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        self.0.as_ref().map_or(ErrorView::NOTHING, |error| ErrorView::of_chain(error, (**error).as_error()))
    }
}

impl<'e, E> OfBoxes<'e, Option<CallError<E>>> {
    #[must_use]
    pub fn __breaker_view(&self) -> ErrorView<'e> {
        match self.0 {
            Some(CallError::Rejected(error)) => ErrorView::of_chain(error, error),
            _ => ErrorView::NOTHING,
        }
    }
}
