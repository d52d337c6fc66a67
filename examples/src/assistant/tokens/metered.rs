//! Limits the bytes that a stream can make its reader keep in memory.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, stream::BoxStream};
use thiserror::Error;

/// The bytes that end an event without an end, whatever its last line is.
const BLANK_LINE: &[u8] = b"\n\n";

/// The limits of an answer's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one event, or between two of them; 1 MiB by default.
    pub event: usize,
    /// The most bytes of the whole answer, comments included; 16 MiB by default.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event: 1 << 20, answer: 16 << 20 }
    }
}

/// Why no more bytes come.
#[derive(Debug, Error)]
pub(super) enum Fed<E> {
    #[error("the body broke off")]
    Broken(#[source] E),
    #[error("more than {most} bytes")]
    TooLong { most: usize },
}

/// The bytes of a body within their limits, and a blank line after the last of them.
///
/// It counts byte by byte, so that the same bytes pass however they arrive.
pub(super) struct Metered<E> {
    /// `None`: it has ended.
    body: Option<BoxStream<'static, Result<Bytes, E>>>,
    limits: Limits,
    count: Count,
    /// The exceeded limit, which is an error after the allowed bytes.
    exceeded: Option<usize>,
    at_end: Arc<AtomicBool>,
}

impl<E> Metered<E> {
    /// `at_end` becomes true when all bytes have passed and the blank line follows.
    pub(super) fn new(
        body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        limits: Limits,
        at_end: Arc<AtomicBool>,
    ) -> Self {
        Self { body: Some(Box::pin(body)), limits, count: Count::default(), exceeded: None, at_end }
    }

    /// The bytes that the limits allow.
    fn admit(&mut self, mut bytes: Bytes) -> Bytes {
        if let Some((allowed, limit)) = self.count.add(&bytes, self.limits) {
            bytes.truncate(allowed);
            self.exceeded = Some(limit);
            self.body = None;
        }
        bytes
    }
}

impl<E> Stream for Metered<E> {
    type Item = Result<Bytes, Fed<E>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(most) = self.exceeded.take() {
            return Poll::Ready(Some(Err(Fed::TooLong { most })));
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        Poll::Ready(match ready!(body.as_mut().poll_next(context)) {
            Some(Ok(bytes)) => Some(Ok(self.admit(bytes))),
            Some(Err(error)) => {
                self.body = None;
                Some(Err(Fed::Broken(error)))
            }
            None => {
                self.body = None;
                self.at_end.store(true, Ordering::Relaxed);
                Some(Ok(Bytes::from_static(BLANK_LINE)))
            }
        })
    }
}

/// How many bytes there were.
#[derive(Debug, Default)]
struct Count {
    answer: usize,
    /// Since the last blank line.
    event: usize,
    /// Whether the current line has a byte.
    in_line: bool,
    after_cr: bool,
}

impl Count {
    /// Counts the bytes. `Some`: how many of them are allowed, and the limit that the next one
    /// exceeds.
    fn add(&mut self, bytes: &[u8], limits: Limits) -> Option<(usize, usize)> {
        for (index, byte) in bytes.iter().enumerate() {
            self.answer += 1;
            self.event += 1;
            if self.answer > limits.answer {
                return Some((index, limits.answer));
            }
            if self.event > limits.event {
                return Some((index, limits.event));
            }
            self.follow(*byte);
        }
        None
    }

    /// Follows the lines, which end with LF, CR or both.
    fn follow(&mut self, byte: u8) {
        let ends = byte == b'\r' || byte == b'\n';
        if !ends {
            self.in_line = true;
        } else if byte == b'\r' || !self.after_cr {
            if !self.in_line {
                self.event = 0;
            }
            self.in_line = false;
        }
        self.after_cr = byte == b'\r';
    }
}
