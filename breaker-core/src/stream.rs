//! Stream: a call that lasts as long as the stream of results that it gave.

use crate::breaker::{CircuitBreaker, Holder};
use crate::gate::Word;
use crate::look::Look;
use crate::nesting;
use crate::outcome::Outcome;
use crate::permit::Permit;
use crate::rt::Judged;
use crate::worded::Classification;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
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

/// Does what [`guard_stream`] does, and asks `classify` what the first `Err` counts as, and what is shown of it: see [`Classification`].
///
/// ```
/// # use breaker_core::{CircuitBreaker, Config, guard_stream_with, presets};
/// # use futures_util::{StreamExt, stream};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let breaker = CircuitBreaker::new("chat", Config::new().fail_max(1)).unwrap();
/// let words = stream::iter([Ok("once"), Err("connection reset")]);
/// // As the attribute does it.
/// let mut words = guard_stream_with(breaker.try_acquire()?, words, presets::errors);
/// while words.next().await.is_some() {}
/// assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: connection reset");
/// # Ok::<(), breaker_core::CircuitBreakerError>(())
/// # }).unwrap();
/// ```
pub fn guard_stream_with<S, T, E, C, F>(
    permit: Permit,
    stream: S,
    classify: F,
) -> GuardedStream<S, Result<T, E>, E, Classifier<F>>
where
    S: Stream<Item = Result<T, E>>,
    F: FnMut(&Result<T, E>) -> C,
    C: Classification<E>,
{
    GuardedStream { stream, call: Streaming::new(permit), error: rt::MaybeError::error, judge: Classifier(classify) }
}

fn every_error<E>(_: &E) -> Judged<'_> {
    (Outcome::failure(), Look::NOTHING)
}

/// A call whose stream is read.
struct Streaming {
    stage: Stage,
    /// An item has come through.
    gave: bool,
}

enum Stage {
    /// The call goes on.
    Reads(Permit),
    /// It has ended, and streams of the same breaker may be left inside it. Their ends are no news: this one has told.
    Ended(Holder),
    Over,
}

impl Streaming {
    fn new(permit: Permit) -> Self {
        // The stream may hold calls that have begun in the body which made it: they are dropped with this one.
        permit.waits();
        Self { stage: Stage::Reads(permit), gave: false }
    }

    /// Runs the stream's own code as a part of the call.
    fn guarded<R>(&self, poll: impl FnOnce() -> R) -> R {
        match &self.stage {
            Stage::Reads(permit) => {
                let polled = permit.guarded(poll);
                permit.waits();
                polled
            }
            Stage::Ended(holder) => {
                let _ended = InEnded::enter(holder.breaker());
                poll()
            }
            Stage::Over => poll(),
        }
    }

    /// The call ends now: its permit, if it has not ended before. `None` too where it is inside a stream whose call has ended.
    fn end(&mut self) -> Option<Permit> {
        let Stage::Reads(permit) = mem::replace(&mut self.stage, Stage::Over) else { return None };
        if permit.had_calls() {
            self.stage = Stage::Ended(permit.holder().clone());
        }
        permit.unless_in_ended()
    }

    /// The stream is dropped next, and the calls inside it with it.
    fn close(&self) {
        match &self.stage {
            Stage::Reads(permit) => permit.close(),
            Stage::Ended(holder) => nesting::close(&holder.breaker().0, Word::NONE, 0, None),
            Stage::Over => {}
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Reads(permit) if self.gave => permit.left(),
            Stage::Reads(_) | Stage::Over => {}
            Stage::Ended(_) => drop(nesting::leave()),
        }
    }
}

/// A stream is read whose call has ended.
struct InEnded;

impl InEnded {
    fn enter(breaker: &CircuitBreaker) -> Self {
        nesting::enter_ended(&breaker.0);
        Self
    }
}

impl Drop for InEnded {
    /// Also where the stream panics.
    fn drop(&mut self) {
        nesting::leave();
    }
}

/// What is asked of the item that ends a call, whose error is this.
pub trait Judge<I, E> {
    #[doc(hidden)]
    fn conclude(&mut self, permit: Permit, item: &I, error: &E);
}

impl<I, E> Judge<I, E> for for<'e> fn(&'e E) -> Judged<'e> {
    fn conclude(&mut self, permit: Permit, _: &I, error: &E) {
        crate::rt::conclude_error(permit, error, self);
    }
}

/// The classifier of [`guard_stream_with`].
pub struct Classifier<F>(F);

impl<F> fmt::Debug for Classifier<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Classifier")
    }
}

impl<T, E, C, F> Judge<Result<T, E>, E> for Classifier<F>
where
    F: FnMut(&Result<T, E>) -> C,
    C: Classification<E>,
{
    fn conclude(&mut self, permit: Permit, item: &Result<T, E>, _: &E) {
        let classified = permit.guarded(|| (self.0)(item));
        permit.settle_classified(item, &classified);
    }
}

pin_project! {
    /// A stream `S` of items `I`, results with the error `E`, whose end is the end of a call; made by [`guard_stream`], or by
    /// [`guard_stream_with`] and a classifier.
    pub struct GuardedStream<S, I, E, J = for<'e> fn(&'e E) -> Judged<'e>> {
        // Before the call, so that a stream that is dropped is counted when it is gone.
        #[pin]
        stream: S,
        call: Streaming,
        // The item's error, if it is one.
        error: for<'i> fn(&'i I) -> Option<&'i E>,
        judge: J,
    }

    impl<S, I, E, J> PinnedDrop for GuardedStream<S, I, E, J> {
        /// The calls inside the stream are dropped with it.
        fn drop(this: Pin<&mut Self>) {
            this.project().call.close();
        }
    }
}

impl<S: Stream<Item = I>, I, E, J: Judge<I, E>> Stream for GuardedStream<S, I, E, J> {
    type Item = I;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let item = ready!(this.call.guarded(|| this.stream.as_mut().poll_next(context)));
        let ended = item.as_ref().map(|item| (item, (this.error)(item)));
        if let Some((_, None)) = ended {
            this.call.gave = true;
        } else if let Some(permit) = this.call.end() {
            match ended {
                Some((item, Some(error))) => this.judge.conclude(permit, item, error),
                _ => permit.success(),
            }
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S, I, E, J> fmt::Debug for GuardedStream<S, I, E, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permit = if let Stage::Reads(permit) = &self.call.stage { Some(permit) } else { None };
        f.debug_struct("GuardedStream").field("permit", &permit).finish_non_exhaustive()
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
            #[diagnostic::do_not_recommend]
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
