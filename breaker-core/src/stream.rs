//! Stream: a call that lasts as long as the stream of results that it gave.

use crate::look::Look;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::Judged;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Lets the call last until `stream` ends (a success), gives an `Err` (a failure) or is dropped, for an answer that streams is no
/// success when its headers arrive. What comes after the first `Err` is passed on, and counts no more.
///
/// A stream that is dropped after it gave an item is a success: its reader had what it needed. One that is dropped before is cancelled,
/// as any dropped call. Where an `on_cancel` is set, if only to [`OnCancel::Ignore`](crate::OnCancel::Ignore), it is for both.
///
/// A time limit does not reach into the stream; a probe that streams for longer than `probe_timeout` loses its slot to
/// another one, and its result still decides.
///
/// On an annotated function this is the key `stream`.
///
/// ```
/// # use breaker_core::{CircuitBreaker, Config, guard_stream};
/// # use futures_util::{StreamExt, stream};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let breaker = CircuitBreaker::new("chat", Config::new()).unwrap();
/// let permit = breaker.try_acquire()?;
/// let words = stream::iter([Ok("once"), Err("connection reset")]);
/// let mut words = guard_stream(permit, words);
/// assert_eq!(words.next().await, Some(Ok("once")));
/// assert_eq!(breaker.snapshot().failure_count, 0);
/// assert_eq!(words.next().await, Some(Err("connection reset")));
/// assert_eq!(breaker.snapshot().failure_count, 1);
/// # Ok::<(), breaker_core::CircuitBreakerError>(())
/// # }).unwrap();
/// ```
pub fn guard_stream<S, T, E>(permit: Permit, stream: S) -> GuardedStream<S, Result<T, E>, E>
where
    S: Stream<Item = Result<T, E>>,
{
    GuardedStream { stream, call: Streaming::new(permit), error: rt::MaybeError::error, judge: every_error::<E> }
}

fn every_error<E>(_: &E) -> Judged<'_> {
    (Outcome::failure(), Look::NOTHING)
}

/// A call whose stream is read.
#[derive(Debug)]
struct Streaming {
    /// Until the call has ended.
    permit: Option<Permit>,
    /// An item has come through.
    gave: bool,
}

impl Streaming {
    fn new(permit: Permit) -> Self {
        // The stream may hold calls that have begun in the body which made it: they are dropped with this one.
        permit.waits();
        Self { permit: Some(permit), gave: false }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take_if(|_| self.gave) {
            permit.left();
        }
    }
}

pin_project! {
    /// A stream `S` of items `I`, results with the error `E`, whose end is the end of a call; made by [`guard_stream`].
    pub struct GuardedStream<S, I, E> {
        // Before the call, so that a stream that is dropped is counted when it is gone.
        #[pin]
        stream: S,
        call: Streaming,
        // The item's error, if it is one.
        error: for<'i> fn(&'i I) -> Option<&'i E>,
        judge: for<'e> fn(&'e E) -> Judged<'e>,
    }

    impl<S, I, E> PinnedDrop for GuardedStream<S, I, E> {
        /// The calls inside the stream are dropped with it.
        fn drop(this: Pin<&mut Self>) {
            if let Some(permit) = &this.project().call.permit {
                permit.close();
            }
        }
    }
}

impl<S: Stream<Item = I>, I, E> Stream for GuardedStream<S, I, E> {
    type Item = I;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let polled = match this.call.permit.as_ref() {
            Some(permit) => {
                let polled = permit.guarded(|| this.stream.as_mut().poll_next(context));
                permit.waits();
                polled
            }
            None => this.stream.poll_next(context),
        };
        let item = ready!(polled);
        let error = item.as_ref().and_then(*this.error);
        if item.is_some() && error.is_none() {
            this.call.gave = true;
        } else if let Some(permit) = this.call.permit.take() {
            match error {
                Some(error) => {
                    crate::rt::conclude_error(permit, error, this.judge);
                }
                None => permit.success(),
            }
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S, I, E> fmt::Debug for GuardedStream<S, I, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStream").field("permit", &self.call.permit).finish_non_exhaustive()
    }
}

/// What an expansion may name of this room.
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub mod rt {
    use super::{GuardedStream, Stream, Streaming};
    use crate::fallback::{Fallen, On};
    use crate::look::Look;
    use crate::outcome::Outcome;
    use crate::permit::Permit;
    use crate::rt::{Fallible, Judged, conclude_error};
    use crate::whole::{Concluded, fall};
    use std::pin::Pin;

    /// A stream of results.
    #[diagnostic::on_unimplemented(
        message = "`stream` needs a function whose `Ok` is a stream of `Result`s, `{Self}` is none",
        label = "`{Self}` is no `Stream<Item = Result<_, _>>`"
    )]
    pub trait ResultStream<I, E>: Sized {
        fn guarded(self, permit: Permit, judge: for<'e> fn(&'e E) -> Judged<'e>) -> GuardedStream<Self, I, E>;
    }

    // Item and error are parameters of their own, so that a stream of no results gives one message and not five.
    #[diagnostic::do_not_recommend]
    impl<S, I, E> ResultStream<I, E> for S
    where
        S: Stream<Item = I>,
        I: MaybeError<E>,
    {
        fn guarded(self, permit: Permit, judge: for<'e> fn(&'e E) -> Judged<'e>) -> GuardedStream<Self, I, E> {
            GuardedStream { stream: self, call: Streaming::new(permit), error: I::error, judge }
        }
    }

    /// An item of such a stream.
    pub trait MaybeError<E> {
        fn error(&self) -> Option<&E>;
    }

    impl<T, E> MaybeError<E> for Result<T, E> {
        fn error(&self) -> Option<&E> {
            self.as_ref().err()
        }
    }

    /// A box of a stream, which can hold a guarded one too.
    #[diagnostic::on_unimplemented(
        message = "`stream` cannot put a guard around `{Self}`",
        label = "no box of a stream, into which a guarded one fits",
        note = "return `Result<impl Stream<Item = Result<_, _>>, _>`, or `Pin<Box<dyn Stream<Item = Result<_, _>> + Send>>` in its `Ok`"
    )]
    pub trait StreamBox<E>: Sized {
        fn guarded_box(self, permit: Permit, judge: for<'e> fn(&'e E) -> Judged<'e>) -> Self;
    }

    macro_rules! boxes {
        ($($stream:ty),*) => {$(
            impl<'a, T: 'a, E: 'a> StreamBox<E> for Pin<Box<$stream>> {
                fn guarded_box(self, permit: Permit, judge: for<'e> fn(&'e E) -> Judged<'e>) -> Self {
                    Box::pin(self.guarded(permit, judge))
                }
            }
        )*};
    }

    boxes!(
        dyn Stream<Item = Result<T, E>> + 'a,
        dyn Stream<Item = Result<T, E>> + Send + 'a,
        dyn Stream<Item = Result<T, E>> + Send + Sync + 'a
    );

    /// A call that gives an `impl Stream`: it goes on until the stream ends. The judge of its items is a pointer, so that the
    /// guarded stream is `Send` and `'static` whenever its own is.
    #[expect(clippy::missing_errors_doc, reason = "it is the user's own result")]
    pub fn settle_stream<R, I, E>(
        permit: Permit,
        result: R,
        judge: &dyn for<'e> Fn(&'e R::Error) -> Judged<'e>,
        items: for<'e> fn(&'e E) -> Judged<'e>,
    ) -> Result<GuardedStream<R::Ok, I, E>, R::Error>
    where
        R: Fallible,
        R::Ok: ResultStream<I, E>,
    {
        match result.whole() {
            Ok(stream) => Ok(stream.guarded(permit, items)),
            Err(error) => {
                conclude_error(permit, &error, judge);
                Err(error)
            }
        }
    }

    /// A call that gives a box of a stream.
    pub fn settle_stream_box<R, E>(
        permit: Permit,
        result: R,
        judge: &dyn for<'e> Fn(&'e R::Error) -> Judged<'e>,
        items: for<'e> fn(&'e E) -> Judged<'e>,
    ) -> R
    where
        R: Fallible,
        R::Ok: StreamBox<E>,
    {
        guard_box(permit, result, judge, items).0
    }

    fn guard_box<R, E>(
        permit: Permit,
        result: R,
        judge: &dyn for<'e> Fn(&'e R::Error) -> Judged<'e>,
        items: for<'e> fn(&'e E) -> Judged<'e>,
    ) -> (R, Concluded)
    where
        R: Fallible,
        R::Ok: StreamBox<E>,
    {
        match result.whole() {
            // Not yet counted: the stream will be.
            Ok(stream) => {
                let concluded = Concluded::of((Outcome::success(), Look::NOTHING));
                (R::from_ok(stream.guarded_box(permit, items)), concluded)
            }
            Err(error) => {
                let concluded = Concluded::of(conclude_error(permit, &error, judge));
                (R::from_error(error), concluded)
            }
        }
    }

    /// The same where a counted failure, or a time-out, may fall back; what breaks off in the middle cannot.
    #[expect(clippy::missing_errors_doc, reason = "`Err` is a call that falls back")]
    pub fn settle_stream_box_or_fall<R, E>(
        permit: Permit,
        result: R,
        judge: &dyn for<'e> Fn(&'e R::Error) -> Judged<'e>,
        items: for<'e> fn(&'e E) -> Judged<'e>,
        on: On,
    ) -> Result<R, Fallen<R>>
    where
        R: Fallible,
        R::Ok: StreamBox<E>,
    {
        fall(permit, result, on, |permit, result| guard_box(permit, result, judge, items))
    }
}
