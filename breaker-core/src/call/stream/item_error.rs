//! Makes the error of an item that is late, as an expansion of the attribute says.

use crate::breaker::error::CircuitBreakerError;
use crate::call::result::{Fallible, FromRejection, Opens};
use std::marker::PhantomData;

/// The error of a late item. `make` is a pointer, so that rustc knows its type when it checks it.
pub fn item_error<E>(late: CircuitBreakerError, make: fn(CircuitBreakerError, Items<E>) -> E) -> E {
    make(late, Items(PhantomData))
}

/// The items' error type.
pub struct Items<E>(PhantomData<fn() -> E>);

impl<E> Items<E> {
    /// For a function that returns an `R`, and whose attribute has an `open`.
    pub const fn opened<R: Fallible, O: Opens<R::Error>>(self, open: O) -> Opened<R::Error, E, O> {
        Opened(open, PhantomData)
    }

    /// For a function whose attribute has no `open`.
    #[must_use]
    pub const fn unopened<R: Fallible>(self) -> Unopened<R::Error, E> {
        Unopened(PhantomData)
    }
}

/// The function's error `F`, which `open` makes, and the items' error `E`.
pub struct Opened<F, E, O>(O, PhantomData<fn() -> (F, E)>);

impl<E, O: Fn(CircuitBreakerError) -> E> Opened<E, E, O> {
    /// Both errors have one type. rustc prefers a type's own methods to those of a trait.
    pub fn breaker_item_error(self, late: CircuitBreakerError) -> E {
        self.0(late)
    }
}

impl<F, E, O> OfTwoTypes<F, E> for Opened<F, E, O> {}

/// The same without an `open`.
pub struct Unopened<F, E>(PhantomData<fn() -> (F, E)>);

impl<E> Unopened<E, E> {
    /// Both errors have one type, so rustc reports one diagnostic.
    #[must_use]
    pub fn breaker_item_error(self, late: CircuitBreakerError) -> E
    where
        E: FromRejection,
    {
        E::from_rejection(late)
    }
}

impl<F, E> OfTwoTypes<F, E> for Unopened<F, E> {}

/// The errors of the function and of the items have two types.
pub trait OfTwoTypes<F, E>: Sized {
    fn breaker_item_error(self, late: CircuitBreakerError) -> E
    where
        E: FromLate<F>,
    {
        E::from_late(late)
    }
}

/// What a stream with limits needs of its items' error, beside an error `F` of the function.
#[diagnostic::on_unimplemented(
    message = "the items' error `{Self}` cannot represent an item that timed out",
    label = "`{Self}` needs `From<CircuitBreakerError>`; `open` makes only the function's error, `{F}`",
    note = "for your own type, with thiserror: add a variant `#[error(\"not called\")] Breaker(#[from] breaker_core::CircuitBreakerError)`",
    note = "for a type of another crate: convert the items' error to the function's error (`map_err`), or guard the stream in the body: `guard_stream(..).item_timeout_with(..)`"
)]
pub trait FromLate<F> {
    fn from_late(late: CircuitBreakerError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<F, E: From<CircuitBreakerError>> FromLate<F> for E {
    fn from_late(late: CircuitBreakerError) -> Self {
        Self::from(late)
    }
}

/// For use beside an `open` that uses an argument: a stream may outlive that argument.
pub fn item_error_alone<E: FromLateAlone>(late: CircuitBreakerError) -> E {
    E::from_late_alone(late)
}

/// What a stream with limits needs of its items' error in that case.
#[diagnostic::on_unimplemented(
    message = "`open` uses an argument of the call, so it cannot make the error of an item that timed out",
    label = "use no argument here, or implement `From<CircuitBreakerError>` for the items' error `{Self}`"
)]
pub trait FromLateAlone {
    fn from_late_alone(late: CircuitBreakerError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<CircuitBreakerError>> FromLateAlone for E {
    fn from_late_alone(late: CircuitBreakerError) -> Self {
        Self::from(late)
    }
}
