//! Defines what a fallback step may return.

use std::future::Future;

/// What a step may return in a synchronous function: an `Option<T>`, a `Result<T, E>` or a
/// `Result<Option<T>, E>`.
#[diagnostic::on_unimplemented(
    message = "a fallback step cannot return `{Self}`",
    label = "expected `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, where `Result<T, E>` is the function's `{R}`",
    note = "in an `async fn` it may also be a future of one of these"
)]
#[doc(hidden)]
pub trait Answer<R, Way> {
    /// `None`: the next step runs.
    fn answer(self) -> Option<R>;
}

#[derive(Debug)]
#[doc(hidden)]
pub struct Maybe;
#[derive(Debug)]
#[doc(hidden)]
pub struct Surely;
#[derive(Debug)]
#[doc(hidden)]
pub struct Perhaps;

#[diagnostic::do_not_recommend]
impl<T, E> Answer<Result<T, E>, Maybe> for Option<T> {
    fn answer(self) -> Option<Result<T, E>> {
        self.map(Ok)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E> Answer<Result<T, E>, Surely> for Result<T, E> {
    fn answer(self) -> Option<Self> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T, E> Answer<Result<T, E>, Perhaps> for Result<Option<T>, E> {
    fn answer(self) -> Option<Result<T, E>> {
        self.transpose()
    }
}

/// What a step may return in an `async fn`: an answer, or a future of one.
#[diagnostic::on_unimplemented(
    message = "a fallback step cannot return `{Self}`",
    label = "expected `Option<T>`, `Result<T, E>`, `Result<Option<T>, E>` or a future of one, where `Result<T, E>` is the function's `{R}`"
)]
#[doc(hidden)]
pub trait Step<R, Way> {
    /// `None`: the next step runs.
    fn take(self) -> impl Future<Output = Option<R>>;
}

#[derive(Debug)]
#[doc(hidden)]
pub struct Now<Way>(Way);
#[derive(Debug)]
#[doc(hidden)]
pub struct Later<Way>(Way);
#[derive(Debug)]
#[doc(hidden)]
pub struct LaterStill<Way>(Way);

impl<R, Way, A: Answer<R, Way>> Step<R, Now<Way>> for A {
    fn take(self) -> impl Future<Output = Option<R>> {
        std::future::ready(self.answer())
    }
}

impl<R, Way, F> Step<R, Later<Way>> for F
where
    F: Future,
    F::Output: Answer<R, Way>,
{
    async fn take(self) -> Option<R> {
        self.await.answer()
    }
}

impl<R, Way, F> Step<R, LaterStill<Way>> for F
where
    F: Future,
    F::Output: Future,
    <F::Output as Future>::Output: Answer<R, Way>,
{
    // Not through the impl above again: its value would be held while it is awaited, and would have
    // to be `Send`.
    async fn take(self) -> Option<R> {
        self.await.await.answer()
    }
}
