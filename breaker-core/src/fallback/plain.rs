//! Guards a function that returns no `Result`, and finds out whether an error can be made of a
//! rejection.

use crate::breaker::error::CircuitBreakerError;
use crate::call::result::Fallible;
use crate::fallback::failed_call::Refused;
use crate::fallback::steps::{Answer, Maybe, Surely};
use std::convert::Infallible;
use std::marker::PhantomData;

/// What a function returns whose written type does not say whether it is a `Result`. `Shape` is one
/// of the two below.
#[derive(Debug)]
pub struct Given<R, Shape>(R, PhantomData<fn() -> Shape>);

/// The value is a `Result`.
#[derive(Debug)]
pub enum OfResult {}

/// The value is any other value.
#[derive(Debug)]
pub enum OfValue {}

/// Finds out the shape: rustc prefers a type's own methods to those of a trait.
#[derive(Debug)]
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an expansion needs no other way")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Probe<Result<T, E>> {
    #[must_use]
    pub const fn __breaker_shape(&self) -> PhantomData<fn() -> OfResult> {
        PhantomData
    }
}

/// For every other type.
pub trait Answers {
    fn __breaker_shape(&self) -> PhantomData<fn() -> OfValue>;
}

impl<R> Answers for Probe<R> {
    fn __breaker_shape(&self) -> PhantomData<fn() -> OfValue> {
        PhantomData
    }
}

/// What the body returned, as a value of this shape.
pub const fn given<R, Shape>(value: R, shape: PhantomData<fn() -> Shape>) -> Given<R, Shape> {
    Given(value, shape)
}

/// A value of this shape. rustc learns its type in this way.
pub fn shaped<Shape, T: Shaped<Shape>>(_: PhantomData<fn() -> Shape>, value: T) -> T {
    value
}

/// What can have a shape.
pub trait Shaped<Shape> {}

impl<R, Shape> Shaped<Shape> for Given<R, Shape> {}
impl<R, Shape> Shaped<Shape> for Option<Given<R, Shape>> {}
impl<R, Shape> Shaped<Shape> for Refused<Given<R, Shape>> {}

impl<R, Shape> Given<R, Shape> {
    /// What the caller gets.
    pub fn value(self) -> R {
        self.0
    }
}

impl<R> Fallible for Given<R, OfValue> {
    type Ok = R;
    type Error = Infallible;

    fn view(&self) -> Result<&R, &Infallible> {
        Ok(&self.0)
    }

    fn from_ok(value: R) -> Self {
        Self(value, PhantomData)
    }

    fn from_error(error: Infallible) -> Self {
        match error {}
    }

    fn into_result(self) -> Result<R, Infallible> {
        Ok(self.0)
    }
}

impl<T, E> Fallible for Given<Result<T, E>, OfResult> {
    type Ok = T;
    type Error = E;

    fn view(&self) -> Result<&T, &E> {
        self.0.as_ref()
    }

    fn from_ok(value: T) -> Self {
        Self(Ok(value), PhantomData)
    }

    fn from_error(error: E) -> Self {
        Self(Err(error), PhantomData)
    }

    fn into_result(self) -> Result<T, E> {
        self.0
    }
}

#[diagnostic::do_not_recommend]
impl<R> Answer<Given<R, OfValue>, Maybe> for Option<R> {
    fn answer(self) -> Option<Given<R, OfValue>> {
        self.map(Given::from_ok)
    }
}

/// For a function that returns an `Option`. A step with the same signature that returns `None`
/// leaves the answer to the next step.
#[diagnostic::do_not_recommend]
impl<T> Answer<Given<Option<T>, OfValue>, Surely> for Option<T> {
    fn answer(self) -> Option<Given<Self, OfValue>> {
        self.is_some().then(|| Given::from_ok(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T, E, Way, A> Answer<Given<Result<T, E>, OfResult>, Way> for A
where
    A: Answer<Result<T, E>, Way>,
{
    fn answer(self) -> Option<Given<Result<T, E>, OfResult>> {
        Answer::<Result<T, E>, Way>::answer(self).map(|result| Given(result, PhantomData))
    }
}

/// Makes an error of a rejection, if the error's type says how (autoref specialisation, as
/// [`AsError`](crate::macro_support::show_error::AsError)).
#[derive(Debug)]
pub struct Opener<E>(PhantomData<fn() -> E>);

impl<E> Opener<E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The error's type says how.
pub trait ByFrom<E> {
    #[expect(clippy::missing_errors_doc, reason = "it never is one")]
    fn __breaker_open(&self, rejection: CircuitBreakerError) -> Result<E, CircuitBreakerError>;
}

impl<E: From<CircuitBreakerError>> ByFrom<E> for Opener<E> {
    fn __breaker_open(&self, rejection: CircuitBreakerError) -> Result<E, CircuitBreakerError> {
        Ok(E::from(rejection))
    }
}

/// The error's type does not say how.
pub trait ByNothing<E> {
    #[expect(clippy::missing_errors_doc, reason = "it gives the rejection back")]
    fn __breaker_open(&self, rejection: CircuitBreakerError) -> Result<E, CircuitBreakerError>;
}

impl<E> ByNothing<E> for &Opener<E> {
    fn __breaker_open(&self, rejection: CircuitBreakerError) -> Result<E, CircuitBreakerError> {
        Err(rejection)
    }
}
