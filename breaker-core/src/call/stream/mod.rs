//! Guards a stream: the call lasts as long as the stream of results that it returned.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | [`guard_stream`], and the stream that it returns |
//! | `attribute`, `item_error` | streams of annotated functions; the error of an item that is late |
//! | `limits` | how long a reader waits for an item |
//! | `streaming` | the call, from the first poll of its stream to the end |
//!
//! May use: the other files of `call`, `breaker` and what is below it. To add a limit, add it to
//! `limits::Rules`, with a method of [`GuardedStream`].

#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod attribute;
#[allow(missing_docs, missing_debug_implementations, reason = "for the expansion of the attributes only")]
pub(crate) mod item_error;
pub(crate) mod limits;
mod streaming;

use self::limits::Rules;
use self::streaming::Streaming;
use crate::breaker::classification::Classification;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_view::{Classified, ErrorView};
use crate::call::permit::Permit;
use crate::call::settle::Concluded;
use crate::machine::outcome::Outcome;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
#[cfg(feature = "tokio")]
use std::time::Duration;

/// Lets the call last until `stream` ends (a success), returns an `Err` (a failure) or is dropped.
/// A streaming answer is no success when its headers arrive. What comes after the first `Err` is
/// passed on, and no longer counts.
///
/// A stream that is dropped after it returned an item is a success: its reader had what it needed.
/// With an `on_cancel` it is a failure where the reader was waiting for the next item. That wait
/// must have lasted at least as long as `on_cancel` says. A stream that is dropped before its first
/// item is cancelled, as any dropped call. A duration of `on_cancel` leaves out the time in which
/// the reader did not request the item.
///
/// [`until`](GuardedStream::until) names the item that completes the answer.
/// [`first_item`](GuardedStream::first_item) and [`item_timeout`](GuardedStream::item_timeout) say
/// how long the reader waits. The breaker's `timeout` does not reach into the stream. A probe that
/// streams for longer than `probe_timeout` loses its slot to another probe. Its result still
/// decides.
///
/// On an annotated function this is the setting `stream`.
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
pub fn guard_stream<S, T, E>(permit: Permit, stream: S) -> GuardedStream<S, T, E>
where
    S: Stream<Item = Result<T, E>>,
{
    GuardedStream::new(permit, stream, every_error::<E>, Rules::NONE)
}

/// Does what [`guard_stream`] does, with a classifier. `classify` says what the first `Err` counts
/// as, and what is shown of it: see [`Classification`].
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
pub fn guard_stream_with<S, T, E, C, F>(permit: Permit, stream: S, classify: F) -> GuardedStream<S, T, E, Classifier<F>>
where
    S: Stream<Item = Result<T, E>>,
    F: FnMut(&Result<T, E>) -> C,
    C: Classification<E>,
{
    GuardedStream::new(permit, stream, Classifier(classify), Rules::NONE)
}

fn every_error<E>(_: &E) -> Classified<'_> {
    (Outcome::failure(), ErrorView::NOTHING)
}

/// Classifies the item that ends a call with this error.
pub trait ItemClassifier<T, E> {
    #[doc(hidden)]
    fn conclude(&mut self, permit: Permit, item: &Result<T, E>, error: &E) -> Option<Concluded>;
}

impl<T, E> ItemClassifier<T, E> for for<'e> fn(&'e E) -> Classified<'e> {
    fn conclude(&mut self, permit: Permit, _: &Result<T, E>, error: &E) -> Option<Concluded> {
        Some(Concluded::of(crate::call::settle::conclude_error(permit, error, self)))
    }
}

/// The classifier of [`guard_stream_with`].
pub struct Classifier<F>(F);

impl<F> fmt::Debug for Classifier<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Classifier")
    }
}

impl<T, E, C, F> ItemClassifier<T, E> for Classifier<F>
where
    F: FnMut(&Result<T, E>) -> C,
    C: Classification<E>,
{
    fn conclude(&mut self, permit: Permit, item: &Result<T, E>, _: &E) -> Option<Concluded> {
        let classified = permit.guarded(|| (self.0)(item));
        permit.settle_classified(item, &classified);
        None
    }
}

pin_project! {
    /// A stream `S` of results, with values `T` and errors `E`. The end of the stream is the end of
    /// a call. [`guard_stream`] creates it, or [`guard_stream_with`] with a classifier.
    pub struct GuardedStream<S, T, E, J = for<'e> fn(&'e E) -> Classified<'e>> {
        // Before the call, so that a dropped stream is gone when the call is counted. `None`: a
        // limit has ended it.
        #[pin]
        stream: Option<S>,
        call: Streaming,
        classify: J,
        rules: Rules<T, E>,
    }

    impl<S, T, E, J> PinnedDrop for GuardedStream<S, T, E, J> {
        /// The inner calls of the stream are dropped with it.
        fn drop(this: Pin<&mut Self>) {
            this.project().call.close();
        }
    }
}

/// What a poll has returned.
enum Polled<T, E> {
    /// An item of the stream. If it was an error, also how the call has ended with it.
    Item(Option<Result<T, E>>, Option<Concluded>),
    /// In its place: the item took too long, or the stream ended before its first item.
    Instead(CircuitBreakerError),
}

impl<S, T, E, J> GuardedStream<S, T, E, J> {
    fn new(permit: Permit, stream: S, classify: J, rules: Rules<T, E>) -> Self {
        let call = Streaming::new(permit);
        let rules = rules.of(&call);
        Self { stream: Some(stream), call, classify, rules }
    }

    /// Names the item that completes the answer: the one that `names` is true for. The call is a
    /// success at that moment. A reader may stop there, and what the stream does later no longer
    /// counts. A stream that ends before that item is a failure of the kind `cut`.
    ///
    /// On an annotated function: `stream(until = path)`.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config, guard_stream};
    /// # use futures_util::{StreamExt, stream};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let breaker = CircuitBreaker::new("chat", Config::new()).unwrap();
    /// for words in [["once", "[DONE]"], ["once", "upon"]] {
    ///     let words = stream::iter(words.map(Ok::<_, String>));
    ///     let mut words = guard_stream(breaker.try_acquire()?, words).until(|word| *word == "[DONE]");
    ///     while words.next().await.is_some() {}
    /// }
    /// let counted = breaker.snapshot();
    /// assert_eq!((counted.success_count, counted.failure_count), (1, 1));
    /// # Ok::<(), breaker_core::CircuitBreakerError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn until(mut self, is_last: fn(&T) -> bool) -> Self {
        self.rules.until = Some(is_last);
        self
    }
}

impl<S, T, E, J> GuardedStream<S, T, E, J> {
    /// Records that the reader already has a part of the answer, for example the head of a
    /// response. A stream that is dropped unread is a success then, as one that is dropped after an
    /// item. [`first_item`](GuardedStream::first_item) does not apply.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, Config, guard_stream};
    /// # use futures_util::stream;
    /// let breaker = CircuitBreaker::new("pages", Config::new()).unwrap();
    /// let body = stream::iter([Ok::<_, String>("a page")]);
    /// drop(guard_stream(breaker.try_acquire()?, body).begun());
    /// assert_eq!(breaker.snapshot().success_count, 1);
    /// # Ok::<(), breaker_core::CircuitBreakerError>(())
    /// ```
    #[must_use]
    pub fn begun(mut self) -> Self {
        self.call.received(true);
        self
    }

    /// The stream; `None` if a limit has ended it.
    #[must_use]
    pub fn get_ref(&self) -> Option<&S> {
        self.stream.as_ref()
    }
}

/// The limits need tokio's timer. Where there is none there are no limits, and one log line says
/// so.
#[cfg(feature = "tokio")]
impl<S, T, E, J> GuardedStream<S, T, E, J> {
    /// Limits how long the first item may take. The time runs from [`Permit::timed`], the call's
    /// start, and without that from here. The call is a failure if the item is late, or if the
    /// stream ends before its first item. Then the reader gets one `Err` and then the end. The time
    /// that the reader takes before it requests the item is not counted. Zero is no limit. A reader
    /// can first check whether the stream begins, with `peek` of a `futures::stream::Peekable`
    /// around it.
    ///
    /// On an annotated function: `stream(first_item = "20s")`. It limits the wait for the stream
    /// too.
    ///
    /// ```
    /// # use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, guard_stream};
    /// # use futures_util::{StreamExt, stream};
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// let breaker = CircuitBreaker::new("chat", Config::new()).unwrap();
    /// let silent = stream::pending::<Result<String, CircuitBreakerError>>();
    /// let mut words = guard_stream(breaker.try_acquire()?.timed(), silent).first_item(Duration::from_secs(20));
    /// assert!(words.next().await.unwrap().unwrap_err().is_timeout());
    /// assert!(words.next().await.is_none());
    /// assert_eq!(breaker.snapshot().failure_count, 1);
    /// # Ok::<(), CircuitBreakerError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn first_item(self, span: Duration) -> Self
    where
        E: From<CircuitBreakerError>,
    {
        self.first_item_with(span, E::from)
    }

    /// The same where `open` makes the item's error.
    #[must_use]
    pub fn first_item_with(mut self, span: Duration, open: fn(CircuitBreakerError) -> E) -> Self {
        self.rules.set(limits::Limits::of(Some(span), None), &self.call, open);
        self
    }

    /// Limits how long the reader may wait for an item. After that the call is a failure, and the
    /// stream is dropped. The reader gets one `Err` and then the end. The time runs only while the
    /// reader waits. Before the first item it runs only where there is no
    /// [`first_item`](Self::first_item). Zero is no limit.
    ///
    /// On an annotated function: `stream(item_timeout = "10s")`.
    #[must_use]
    pub fn item_timeout(self, span: Duration) -> Self
    where
        E: From<CircuitBreakerError>,
    {
        self.item_timeout_with(span, E::from)
    }

    /// The same where `open` makes the item's error.
    #[must_use]
    pub fn item_timeout_with(mut self, span: Duration, open: fn(CircuitBreakerError) -> E) -> Self {
        self.rules.set(limits::Limits::of(None, Some(span)), &self.call, open);
        self
    }
}

impl<S, T, E, J> GuardedStream<S, T, E, J>
where
    S: Stream<Item = Result<T, E>>,
    J: ItemClassifier<T, E>,
{
    fn poll_item(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Polled<T, E>> {
        let mut this = self.project();
        let Some(stream) = this.stream.as_mut().as_pin_mut() else { return Poll::Ready(Polled::Item(None, None)) };
        let Poll::Ready(item) = this.call.guarded(|| stream.poll_next(context)) else {
            this.call.waits();
            let late = ready!(this.rules.wait(this.call, context));
            return Poll::Ready(match this.call.time_out(Some(late), || this.stream.set(None)) {
                Some(error) => Polled::Instead(error),
                None => Polled::Item(None, None),
            });
        };
        this.rules.stop_timer();
        let is_first = this.call.received(matches!(item, Some(Ok(_))));
        let Some(result) = item else {
            return Poll::Ready(match this.rules.end_of(this.call, is_first, || this.stream.set(None)) {
                Some(error) => Polled::Instead(error),
                None => Polled::Item(None, None),
            });
        };
        let concluded = match &result {
            Ok(value) => {
                this.rules.check_complete(value, this.call);
                None
            }
            Err(error) => this.call.end().and_then(|permit| this.classify.conclude(permit, &result, error)),
        };
        Poll::Ready(Polled::Item(Some(result), concluded))
    }
}

impl<S, T, E, J> Stream for GuardedStream<S, T, E, J>
where
    S: Stream<Item = Result<T, E>>,
    J: ItemClassifier<T, E>,
{
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = ready!(self.as_mut().poll_item(context));
        Poll::Ready(match polled {
            Polled::Item(item, _) => item,
            Polled::Instead(error) => self.rules.open(error).map(Err),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(stream) = &self.stream else { return (0, Some(0)) };
        match stream.size_hint() {
            // A limit may end the stream earlier, with an item of its own.
            (_, upper) if self.rules.is_limited() => (0, upper.and_then(|upper| upper.checked_add(1))),
            hint => hint,
        }
    }
}

impl<S, T, E, J> fmt::Debug for GuardedStream<S, T, E, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStream").field("permit", &self.call.permit()).finish_non_exhaustive()
    }
}
