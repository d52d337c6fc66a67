//! Runs code of a user whose panics must stay where they are: in a closure, in a future, and in destructors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A future whose panics are a result, wherever they come from: a poll or its destructor.
///
/// The panic is caught next to the user's code. Where it were caught further out, unwinding would drop the rest of the
/// future on its way, and a second panic there would end the process.
pub(crate) struct Contained<F>(Option<F>);

impl<F> Contained<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(future))
    }

    /// Drops the future, if it is still there.
    ///
    /// # Errors
    /// What its destructor said as it panicked.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        contain(|| drop(self.0.take()))
    }
}

impl<F: Future + Unpin> Future for Contained<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let polled = match contain(|| Pin::new(future).poll(cx)) {
            Ok(polled) => Ok(ready!(polled)),
            Err(words) => Err(words),
        };
        let ended = self.end();
        Poll::Ready(polled.and_then(|output| ended.map(|()| output)))
    }
}

impl<F> Drop for Contained<F> {
    fn drop(&mut self) {
        // It is dropped before its end where no caller waits for it: then none is told either.
        let _ = self.end();
    }
}

/// Runs a user's code.
///
/// # Errors
/// What it said as it panicked.
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(words_of)
}

/// A panic in words. What was thrown is the user's too, and its destructor may panic.
fn words_of(thrown: Box<dyn Any + Send>) -> String {
    let text = thrown.downcast_ref::<&str>().copied();
    let text = text.or_else(|| thrown.downcast_ref::<String>().map(String::as_str));
    let words = text.unwrap_or("(without words)").to_owned();
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
        // There is no end of this otherwise.
        let _: &mut _ = Box::leak(again);
    }
    words
}
