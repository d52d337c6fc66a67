//! Decodes the stream of an LLM's answer.
//!
//! Bytes of server-sent events go in; tokens and the answer's end come out.
//!
//! It reads chunks of chat completions and of completions, and TGI's own events. `metered` limits
//! the memory, and the crate `sse-stream` splits the bytes into events. `reading` interprets one
//! event, and [`Tokens`] the end of the answer.
//!
//! Most clients take every orderly end of the bytes for the end of the answer. Here an answer is
//! complete only if its finish reason or `[DONE]` has come. Everything else is an error.

mod error;
mod event;
mod metered;
mod reading;

pub use self::{error::StreamError, event::Event, metered::Limits};

use std::{
    collections::VecDeque,
    error::Error as StdError,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, stream::BoxStream};
use sse_stream::{Sse, SseByteStream};

use self::{
    metered::{Fed, Metered},
    reading::{Said, read},
};
use crate::assistant::{output::is_visible, wire::finish::Finish};

/// Decodes the body of a streamed answer, within the default [`Limits`].
///
/// The caller has to check the head's status and content type. A body that is no event stream is
/// [`StreamError::Cut`] here.
pub fn decode<E>(body: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Tokens<E>
where
    E: StdError + Send + Sync + 'static,
{
    decode_within(Limits::default(), body)
}

/// Decodes the body of a streamed answer, within these limits.
pub fn decode_within<E>(limits: Limits, body: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Tokens<E>
where
    E: StdError + Send + Sync + 'static,
{
    let at_end = Arc::new(AtomicBool::new(false));
    let blocks = SseByteStream::new(Metered::new(body, limits, at_end.clone()));
    Tokens {
        blocks: Some(Box::pin(blocks)),
        at_end,
        is_finished: false,
        has_spoken: false,
        has_words: false,
        calls_tool: false,
        model: None,
        next: VecDeque::new(),
    }
}

/// A stream of [`Event`]s, made by [`decode`].
///
/// It returns no heads, role chunks, comments or usage. So each item shows that the model works,
/// and limits on the wait for an item are limits on the model. After an error, and after
/// [`Event::Done`], it drops the body and ends.
///
/// An answer with a finish reason stays complete: whatever follows, even an error, is
/// [`Event::Done`].
pub struct Tokens<E> {
    /// `None`: it has ended.
    blocks: Option<BoxStream<'static, Result<Sse, sse_stream::Error>>>,
    /// Whether all bytes were read; an event that is decoded after that has no end.
    at_end: Arc<AtomicBool>,
    is_finished: bool,
    /// Whether the model has sent anything visible.
    has_spoken: bool,
    /// Whether any of that is text.
    has_words: bool,
    calls_tool: bool,
    model: Option<String>,
    next: VecDeque<Result<Event, StreamError<E>>>,
}

/// Every field that needs pinning is boxed.
impl<E> Unpin for Tokens<E> {}

impl<E: StdError + Send + Sync + 'static> Stream for Tokens<E> {
    type Item = Result<Event, StreamError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(next) = self.next.pop_front() {
                return Poll::Ready(Some(next));
            }
            let Some(blocks) = &mut self.blocks else { return Poll::Ready(None) };
            match ready!(blocks.as_mut().poll_next(context)) {
                Some(Ok(block)) => self.take_in(&block),
                Some(Err(error)) => {
                    let error = self.error_of(error);
                    self.fail(error);
                }
                None => self.fail(StreamError::Cut),
            }
        }
    }
}

impl<E> Tokens<E> {
    /// The model that the answer names, as far as it was read.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }
}

impl<E: StdError + Send + Sync + 'static> Tokens<E> {
    fn take_in(&mut self, block: &Sse) {
        let Some(data) = &block.data else { return };
        let read = read(block.event.as_deref(), data).map(|(said, model)| {
            self.model = self.model.take().or(model);
            said
        });
        match read {
            Ok(Said::Nothing) => {}
            Ok(Said::Chunk { pieces, finish, calls_tool }) => {
                self.calls_tool |= calls_tool;
                self.has_words |= pieces.iter().any(|piece| *piece != Event::Aside && is_seen(piece));
                self.has_spoken |= pieces.iter().any(is_seen);
                self.next.extend(pieces.into_iter().map(Ok));
                if let Some(reason) = finish {
                    self.finish(reason);
                }
            }
            Ok(Said::Done) => self.done(),
            Ok(Said::Error(error)) => self.fail(StreamError::Upstream(error)),
            // Half of an event is no event: the bytes end inside it.
            Err(_) if self.has_all_bytes() => self.fail(StreamError::Cut),
            Err(error) => self.fail(StreamError::Unreadable(error)),
        }
    }

    fn finish(&mut self, reason: Finish) {
        if !self.has_spoken && reason.promises_text() {
            return self.fail(StreamError::Empty);
        }
        // Some servers say `stop` where the model waits for a tool's result.
        let wants_tool = reason == Finish::Stop && self.calls_tool && !self.has_words;
        self.is_finished = true;
        self.next.push_back(Ok(Event::Finish(if wants_tool { Finish::ToolCalls } else { reason })));
    }

    fn done(&mut self) {
        if self.has_spoken || self.is_finished {
            self.end(Ok(Event::Done));
        } else {
            self.end(Err(StreamError::Empty));
        }
    }

    /// The error ends the stream, unless the answer is already complete.
    fn fail(&mut self, error: StreamError<E>) {
        self.end(if self.is_finished { Ok(Event::Done) } else { Err(error) });
    }

    fn end(&mut self, last: Result<Event, StreamError<E>>) {
        self.blocks = None;
        self.next.push_back(last);
    }

    fn error_of(&self, error: sse_stream::Error) -> StreamError<E> {
        match error {
            sse_stream::Error::Body(fed) => match fed.downcast::<Fed<E>>().map(|fed| *fed) {
                Ok(Fed::Broken(error)) => StreamError::Body(error),
                Ok(Fed::TooLong { most }) => StreamError::TooLong { most },
                Err(other) => StreamError::Unreadable(other.to_string()),
            },
            // The bytes end in the middle of a character.
            sse_stream::Error::Utf8Parse(_) if self.has_all_bytes() => StreamError::Cut,
            other => StreamError::Unreadable(other.to_string()),
        }
    }

    fn has_all_bytes(&self) -> bool {
        self.at_end.load(Ordering::Relaxed)
    }
}

/// Whether an event has anything but blanks.
fn is_seen(event: &Event) -> bool {
    match event {
        Event::Token(text) | Event::Refusal(text) => text.chars().any(is_visible),
        _ => true,
    }
}

impl<E> fmt::Debug for Tokens<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("is_finished", &self.is_finished).finish_non_exhaustive()
    }
}
