//! Defines what a guarded function returns, and makes errors of rejections.

use crate::breaker::error::CircuitBreakerError;

/// What `#[circuit_breaker]` needs of a return type.
#[diagnostic::on_unimplemented(
    message = "`#[circuit_breaker]` needs a function that returns a `Result`, but this one returns `{Self}`",
    label = "expected a `Result<_, _>`",
    note = "the attribute reads the written type of a future: in place of your own alias write `Pin<Box<dyn Future<Output = Result<_, _>>>>`, or `impl Future`",
    note = "to guard a function with another return type, name its failures with `failure_if(..)`, and end a `#[fallback]` with a step `value(..)`, which callers get in place of an error"
)]
pub trait Fallible: Sized {
    type Ok;
    type Error;
    #[expect(clippy::missing_errors_doc, reason = "it shows the user's own result")]
    fn view(&self) -> Result<&Self::Ok, &Self::Error>;
    fn from_ok(value: Self::Ok) -> Self;
    fn from_error(error: Self::Error) -> Self;
    #[expect(clippy::missing_errors_doc, reason = "it is the user's own result")]
    fn into_result(self) -> Result<Self::Ok, Self::Error>;
}

/// The user's result, for a classifier that looks at both sides.
#[expect(clippy::missing_errors_doc, reason = "it shows the user's own result")]
pub fn view<R: Fallible>(result: &R) -> Result<&R::Ok, &R::Error> {
    result.view()
}

#[diagnostic::do_not_recommend]
impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Error = E;

    #[inline]
    fn view(&self) -> Result<&T, &E> {
        self.as_ref()
    }

    #[inline]
    fn from_ok(value: T) -> Self {
        Ok(value)
    }

    #[inline]
    fn from_error(error: E) -> Self {
        Err(error)
    }

    #[inline]
    fn into_result(self) -> Self {
        self
    }
}

/// What `#[circuit_breaker]` needs of an error type.
#[diagnostic::on_unimplemented(
    message = "the error type `{Self}` cannot represent a rejected call",
    label = "`{Self}` needs `From<CircuitBreakerError>`",
    note = "for your own type, with thiserror: add a variant `#[error(\"not called\")] CircuitOpen(#[from] breaker_core::CircuitBreakerError)`",
    note = "for a type of another crate: write `open = PATH` or `open = |rejection| ..` in the attribute, which makes a `{Self}` of the rejection",
    note = "where no `{Self}` can be made, as of a `reqwest::Error`: end with a step `#[fallback(value(..))]`, which needs no error, or return another error type, such as `anyhow::Error`",
    note = "for a `tonic::Status`: turn on the feature of breaker-core for its version (`tonic-0-14`, `tonic-0-13` or `tonic-0-12`)"
)]
pub trait FromRejection {
    fn from_rejection(error: CircuitBreakerError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<CircuitBreakerError>> FromRejection for E {
    fn from_rejection(error: CircuitBreakerError) -> Self {
        Self::from(error)
    }
}

/// The error of a rejected call.
pub fn reject<R: Fallible>(error: CircuitBreakerError) -> R
where
    R::Error: FromRejection,
{
    R::from_error(R::Error::from_rejection(error))
}

/// The same where `open` makes it.
pub fn reject_with<R, E, O>(error: CircuitBreakerError, open: O) -> R
where
    R: Fallible<Error = E>,
    O: Opens<E>,
{
    R::from_error(open(error))
}

/// Makes an error of a rejection where the attribute does not say how.
pub fn from_rejection<E: FromRejection>(error: CircuitBreakerError) -> E {
    E::from_rejection(error)
}

/// What the setting `open` needs of its value.
#[diagnostic::on_unimplemented(
    message = "`open` does not make a `{E}` from a rejection",
    label = "expected a function or a closure that takes a `CircuitBreakerError` and returns `{E}`"
)]
pub trait Opens<E>: Fn(CircuitBreakerError) -> E {}

#[diagnostic::do_not_recommend]
impl<E, O: Fn(CircuitBreakerError) -> E> Opens<E> for O {}
