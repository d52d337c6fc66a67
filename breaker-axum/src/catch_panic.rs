//! Turns the panics of user code into errors: of a closure, a future and their destructors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A future whose panics become an `Err`, whether a poll or a destructor panics.
///
/// The panic is caught next to the user's code. Further out, unwinding would drop the rest of the
/// future, and a second panic there would end the process.
pub(crate) struct CatchPanic<F>(Option<F>);

impl<F> CatchPanic<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(future))
    }

    /// Drops the future, if it is still there.
    ///
    /// # Errors
    /// The message of a panic in its destructor.
    pub(crate) fn drop_inner(&mut self) -> Result<(), String> {
        catch_panic(|| drop(self.0.take()))
    }
}

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let polled = match catch_panic(|| Pin::new(future).poll(cx)) {
            Ok(polled) => Ok(ready!(polled)),
            Err(message) => Err(message),
        };
        let dropped = self.drop_inner();
        Poll::Ready(polled.and_then(|output| dropped.map(|()| output)))
    }
}

impl<F> Drop for CatchPanic<F> {
    fn drop(&mut self) {
        // A caller that no longer waits cannot be given the message.
        let _ = self.drop_inner();
    }
}

/// Runs user code.
///
/// # Errors
/// The message of its panic.
pub(crate) fn catch_panic<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(message_of)
}

/// The message of a panic. The payload is the user's too, and its destructor may panic.
fn message_of(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("(without words)").to_owned();
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping it could panic again, without end.
        let _: &mut _ = Box::leak(second);
    }
    message
}
