//! Makes one future of the plain call of an annotated async function. It is compiled for every
//! function, so code that does not depend on the body's type is in `entry`.

use crate::breaker::error::CircuitBreakerError;
use crate::call::result::{Fallible, FromRejection, Opens, from_rejection};
use crate::classify::value::ClassifyValue;
use crate::macro_support::callsite::Callsite;
use crate::macro_support::entry::{Entry, ErrorClassifier};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A call of an annotated function. It asks the breaker at its first poll, and runs the body to
    /// its end, or to its time limit.
    ///
    /// The body is declared before the entry, so that a dropped call is counted when its body is
    /// gone.
    pub struct Call<F, E> {
        #[pin]
        body: F,
        entry: Entry,
        classify: ErrorClassifier<E>,
    }

    impl<F, E> PinnedDrop for Call<F, E> {
        /// The inner calls of the body are dropped with it.
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            let entry = this.project().entry;
            if entry.is_left() {
                entry.close();
            }
        }
    }
}

/// What the attribute needs of the result of an async function: a type for its call. A type that is
/// no result has none. So rustc reports that once, and reports nothing about the `.await`. Only
/// there, the call's `Future` checks what it needs of the error.
#[diagnostic::on_unimplemented(
    message = "`#[circuit_breaker]` needs a function that returns a `Result`, but this one returns `{Self}`",
    label = "expected a `Result<_, _>`",
    note = "the attribute reads the written type of a future: in place of your own alias write `Pin<Box<dyn Future<Output = Result<_, _>>>>`, or `impl Future`",
    note = "to guard a function with another return type, name its failures with `failure_if(..)`, and end a `#[fallback]` with a step `value(..)`, which callers get in place of an error"
)]
pub trait Callable: Fallible {
    type Call<F>;

    fn call<F: Future<Output = Self>>(
        callsite: &'static Callsite,
        body: F,
        classify: ErrorClassifier<Self::Error>,
    ) -> Self::Call<F>;
}

#[diagnostic::do_not_recommend]
impl<T, E> Callable for Result<T, E> {
    type Call<F> = Call<F, E>;

    #[inline(always)]
    fn call<F: Future<Output = Self>>(
        callsite: &'static Callsite,
        body: F,
        classify: ErrorClassifier<E>,
    ) -> Call<F, E> {
        Call { body, entry: Entry::of(callsite), classify }
    }
}

impl<F, T, E> Future for Call<F, E>
where
    F: Future<Output = Result<T, E>>,
    E: FromRejection,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.project();
        let Some(inner) = this.entry.begin() else { return this.entry.rejected(from_rejection) };
        let polled = this.body.poll(context);
        this.entry.finish(inner, polled, this.classify, context, from_rejection)
    }
}

pin_project! {
    /// The same where the value in the `Ok` is classified too.
    pub struct CallWithValue<F, E, T> {
        #[pin]
        call: Call<F, E>,
        classify_value: ClassifyValue<T>,
    }
}

/// The call of a function that returns `R`, where the value in the `Ok` is classified.
#[inline]
pub fn call_with_value<R, F, E>(
    callsite: &'static Callsite,
    body: F,
    classify: ErrorClassifier<E>,
    classify_value: ClassifyValue<R::Ok>,
) -> CallWithValue<F, E, R::Ok>
where
    F: Future<Output = R>,
    R: Callable<Error = E>,
{
    CallWithValue { call: Call { body, entry: Entry::of(callsite), classify }, classify_value }
}

impl<R, F, E> Future for CallWithValue<F, E, R::Ok>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    E: FromRejection,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let outer = self.project();
        let this = outer.call.project();
        let Some(inner) = this.entry.begin() else { return this.entry.rejected(from_rejection) };
        let polled = this.body.poll(context);
        this.entry.finish_with_value(inner, polled, Some(*outer.classify_value), this.classify, context, from_rejection)
    }
}

pin_project! {
    /// The same where the attribute says how the error of a rejection is made.
    ///
    /// By a pointer, so that the future has no bound on the type `O`. rustc then reports problems
    /// of that type only at the setting.
    pub struct OpenCall<F, E, T, O> {
        #[pin]
        call: Call<F, E>,
        classify_value: Option<ClassifyValue<T>>,
        open: O,
        make: fn(&O, CircuitBreakerError) -> E,
    }
}

/// The call of a function that returns `R`, whose `open` makes the error of a rejection.
#[inline]
pub fn call_with<R, F, E, O>(
    callsite: &'static Callsite,
    body: F,
    classify: ErrorClassifier<E>,
    classify_value: Option<ClassifyValue<R::Ok>>,
    open: O,
) -> OpenCall<F, E, R::Ok, O>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
    O: Opens<E>,
{
    OpenCall {
        call: Call { body, entry: Entry::of(callsite), classify },
        classify_value,
        open,
        make: |open, rejection| open(rejection),
    }
}

impl<R, F, E, O> Future for OpenCall<F, E, R::Ok, O>
where
    F: Future<Output = R>,
    R: Fallible<Error = E>,
{
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let outer = self.project();
        let this = outer.call.project();
        let open = |rejection| (outer.make)(outer.open, rejection);
        let Some(inner) = this.entry.begin() else { return this.entry.rejected(open) };
        let polled = this.body.poll(context);
        this.entry.finish_with_value(inner, polled, *outer.classify_value, this.classify, context, open)
    }
}
