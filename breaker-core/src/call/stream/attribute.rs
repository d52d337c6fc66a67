//! Guards the stream, or the boxed stream, that an annotated function returns.

use super::limits::{Limits, Rules};
use super::{GuardedStream, Polled, Stream};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_view::Classified;
use crate::call::permit::Permit;
use crate::call::result::Fallible;
use crate::call::settle::{Concluded, conclude_error};
#[cfg(feature = "tokio")]
use crate::call::timeout::Limit;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) type Items<E> = for<'e> fn(&'e E) -> Classified<'e>;

/// Only the errors are checked.
#[must_use]
pub const fn no_rules<T, E>() -> Rules<T, E> {
    Rules::NONE
}

/// The setting `stream` with values. `open` is there where there are limits. `most` is what is left
/// for all attempts.
#[must_use]
pub fn rules<T, E>(
    first_item: Option<Duration>,
    item_timeout: Option<Duration>,
    until: Option<fn(&T) -> bool>,
    open: Option<fn(CircuitBreakerError) -> E>,
    most: Option<Duration>,
) -> Rules<T, E> {
    Rules::new(Limits::of(first_item, item_timeout), until, open, most)
}

/// The call of a function whose first item has a limit. The limit runs from here.
pub fn timed(permit: Permit) -> Permit {
    permit.timed()
}

/// The limit of the wait for the stream, where its first item has one. `other`: what is left for
/// all attempts.
#[cfg(feature = "tokio")]
#[must_use]
pub fn until_first_item(permit: &Permit, span: Duration, other: Option<Limit>) -> Option<Limit> {
    if span.is_zero() {
        return other;
    }
    let owner = permit.owner();
    // Where the call's own limit is shorter, its timer is created when the body has to wait.
    if other.as_ref().map_or_else(|| owner.limit(), |other| Some(other.span())).is_some_and(|limit| limit <= span) {
        return other;
    }
    let limit = Limit::after(span);
    if limit.is_none() {
        owner.breaker().warn_of_no_timer();
    }
    limit
}

/// A stream of results.
#[diagnostic::on_unimplemented(
    message = "`stream` needs a function whose `Ok` is a stream of `Result`s, but `{Self}` is not one",
    label = "`{Self}` is not a `Stream<Item = Result<_, _>>`"
)]
pub trait ResultStream<I, E>: Sized {
    type Value;
    type Guarded;
    fn guarded(self, permit: Permit, classify: Items<E>, rules: Rules<Self::Value, E>) -> Self::Guarded;
}

#[diagnostic::do_not_recommend]
impl<S, T, E> ResultStream<Result<T, E>, E> for S
where
    S: Stream<Item = Result<T, E>>,
{
    type Value = T;
    type Guarded = GuardedStream<S, T, E>;

    fn guarded(self, permit: Permit, classify: Items<E>, rules: Rules<T, E>) -> GuardedStream<S, T, E> {
        GuardedStream::new(permit, self, classify, rules)
    }
}

/// A boxed stream that can hold a guarded stream too.
#[diagnostic::on_unimplemented(
    message = "`stream` cannot guard `{Self}`",
    label = "not a boxed stream that can hold a guarded stream",
    note = "return `Result<impl Stream<Item = Result<_, _>>, _>`, or `Pin<Box<dyn Stream<Item = Result<_, _>> + Send>>` in its `Ok`"
)]
pub trait StreamBox<T, E>: Sized {
    fn guarded_box(self, permit: Permit, classify: Items<E>, rules: Rules<T, E>) -> Self;
}

/// The same for a stream whose first item has arrived.
#[diagnostic::on_unimplemented(
    message = "`first_item` waits for the first item of the stream, but `{Self}` cannot hold the stream during that wait",
    label = "not a boxed stream, or a `Send` box of items that are not `Send`",
    note = "return `Pin<Box<dyn Stream<Item = Result<_, _>> + Send>>` in its `Ok`, of items that are `Send`"
)]
pub trait BegunBox<T, E>: Stream<Item = Result<T, E>> + Unpin + Sized {
    fn begun_box(first: Option<Result<T, E>>, rest: GuardedStream<Self, T, E>) -> Self;
}

macro_rules! boxes {
    ($($stream:ty: $($auto:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<'a, T: 'a, E: 'a> StreamBox<T, E> for Pin<Box<$stream>> {
            fn guarded_box(self, permit: Permit, classify: Items<E>, rules: Rules<T, E>) -> Self {
                Box::pin(GuardedStream::new(permit, self, classify, rules))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a, T: $($auto +)* 'a, E: $($auto +)* 'a> BegunBox<T, E> for Pin<Box<$stream>> {
            fn begun_box(first: Option<Result<T, E>>, rest: GuardedStream<Self, T, E>) -> Self {
                Box::pin(Begun { first, rest })
            }
        }
    )*};
}

boxes! {
    dyn Stream<Item = Result<T, E>> + 'a:;
    dyn Stream<Item = Result<T, E>> + Send + 'a: Send;
    dyn Stream<Item = Result<T, E>> + Send + Sync + 'a: Send Sync;
}

pin_project! {
    /// A stream whose first item has arrived.
    struct Begun<S, T, E> {
        first: Option<Result<T, E>>,
        #[pin]
        rest: GuardedStream<S, T, E>,
    }
}

impl<S: Stream<Item = Result<T, E>>, T, E> Stream for Begun<S, T, E> {
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        match this.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => this.rest.poll_next(context),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.rest.size_hint();
        let first = usize::from(self.first.is_some());
        (lower.saturating_add(first), upper.and_then(|upper| upper.checked_add(first)))
    }
}

/// Settles a call that returns an `impl Stream`: the call lasts until the stream ends. The
/// classifier of its items is a pointer. So the guarded stream is `Send` and `'static` whenever its
/// own stream is.
#[expect(clippy::missing_errors_doc, reason = "it is the user's own result")]
pub fn settle_stream<R, I, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<<R::Ok as ResultStream<I, E>>::Value, E>,
) -> Result<<R::Ok as ResultStream<I, E>>::Guarded, R::Error>
where
    R: Fallible,
    R::Ok: ResultStream<I, E>,
{
    match result.into_result() {
        Ok(stream) => Ok(stream.guarded(permit, items, rules)),
        Err(error) => {
            conclude_error(permit, &error, classify);
            Err(error)
        }
    }
}

/// Settles a call that returns a boxed stream.
pub fn settle_stream_box<R, T, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<T, E>,
) -> R
where
    R: Fallible,
    R::Ok: StreamBox<T, E>,
{
    guard_box(permit, result, classify, items, rules).0
}

pub(crate) fn guard_box<R, T, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<T, E>,
) -> (R, Concluded)
where
    R: Fallible,
    R::Ok: StreamBox<T, E>,
{
    match result.into_result() {
        // Not yet counted: the end of the stream is.
        Ok(stream) => (R::from_ok(stream.guarded_box(permit, items, rules)), Concluded::SUCCESS),
        Err(error) => {
            let concluded = Concluded::of(conclude_error(permit, &error, classify));
            (R::from_error(error), concluded)
        }
    }
}

/// The result of a call that waits for the first item of its stream.
pub(crate) enum Begin<R> {
    Done(R, Concluded),
    TimedOut(CircuitBreakerError),
}

/// Settles a call that returns a boxed stream with its first item. If that item is an error,
/// `carry` makes the function's own error of it, if it can. `open` makes that error where the
/// breaker answers instead.
pub fn begin_stream_box<R, T, E, O>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<T, E>,
    carry: fn(E) -> Result<R::Error, E>,
    open: O,
) -> impl Future<Output = R> + use<R, T, E, O>
where
    R: Fallible,
    R::Ok: BegunBox<T, E>,
    O: FnOnce(CircuitBreakerError) -> R::Error,
{
    let begins = guard(permit, result, classify, items, rules);
    async move {
        match begin(begins, carry).await {
            Ok(Begin::Done(result, _)) => result,
            Ok(Begin::TimedOut(error)) | Err(error) => R::from_error(open(error)),
        }
    }
}

pub(crate) fn guard<R, T, E>(
    permit: Permit,
    result: R,
    classify: &dyn for<'e> Fn(&'e R::Error) -> Classified<'e>,
    items: Items<E>,
    rules: Rules<T, E>,
) -> Result<GuardedStream<R::Ok, T, E>, (R, Concluded)>
where
    R: Fallible,
{
    match result.into_result() {
        Ok(stream) => Ok(GuardedStream::new(permit, stream, items, rules)),
        Err(error) => {
            let concluded = Concluded::of(conclude_error(permit, &error, classify));
            Err((R::from_error(error), concluded))
        }
    }
}

/// Waits for the first item. `Err`: the stream has ended before it.
pub(crate) async fn begin<R, T, E>(
    begins: Result<GuardedStream<R::Ok, T, E>, (R, Concluded)>,
    carry: fn(E) -> Result<R::Error, E>,
) -> Result<Begin<R>, CircuitBreakerError>
where
    R: Fallible,
    R::Ok: BegunBox<T, E>,
{
    let mut stream = match begins {
        Ok(stream) => stream,
        Err((result, concluded)) => return Ok(Begin::Done(result, concluded)),
    };
    let (first, concluded) = match poll_fn(|context| Pin::new(&mut stream).poll_item(context)).await {
        Polled::Instead(error) if error.is_timeout() => return Ok(Begin::TimedOut(error)),
        Polled::Instead(error) => return Err(error),
        Polled::Item(Some(Err(error)), concluded) => match carry(error) {
            Ok(own) => return Ok(Begin::Done(R::from_error(own), concluded.unwrap_or(Concluded::SUCCESS))),
            Err(error) => (Some(Err(error)), Concluded::SUCCESS),
        },
        Polled::Item(first, _) => (first, Concluded::SUCCESS),
    };
    Ok(Begin::Done(R::from_ok(R::Ok::begun_box(first, stream)), concluded))
}

/// Makes the function's error `To` of an item's error, if `To` says how (autoref specialisation, as
/// `Opener` of a plain value).
pub struct Carrier<E, To>(PhantomData<fn(E) -> To>);

/// For the error of an item of a function that returns an `R`.
#[must_use]
pub const fn carrier<R: Fallible, E>(_: &E) -> Carrier<E, R::Error> {
    Carrier(PhantomData)
}

/// `To` says how.
pub trait ByInto<E, To> {
    #[expect(clippy::missing_errors_doc, reason = "it never is one")]
    fn __breaker_carry(&self, error: E) -> Result<To, E>;
}

impl<E, To: From<E>> ByInto<E, To> for Carrier<E, To> {
    fn __breaker_carry(&self, error: E) -> Result<To, E> {
        Ok(To::from(error))
    }
}

/// `To` does not say how.
pub trait ByNoInto<E, To> {
    #[expect(clippy::missing_errors_doc, reason = "it gives the error back")]
    fn __breaker_carry(&self, error: E) -> Result<To, E>;
}

impl<E, To> ByNoInto<E, To> for &Carrier<E, To> {
    fn __breaker_carry(&self, error: E) -> Result<To, E> {
        Err(error)
    }
}

impl<E, To> fmt::Debug for Carrier<E, To> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}
