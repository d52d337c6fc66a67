//! Limits how long a reader waits for an item, and detects the item that completes the answer.

use super::streaming::Streaming;
use crate::breaker::error::CircuitBreakerError;
use crate::call::timeout::{self, Limit};
use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long items may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the first item, from the call's start.
    first_item: Option<Duration>,
    /// For each item, while the reader waits.
    item_timeout: Option<Duration>,
}

impl Limits {
    const NONE: Self = Self { first_item: None, item_timeout: None };

    /// Zero is no limit. As a setting of a service it means "off". As a limit it would fail each
    /// item that is not ready at once.
    pub(super) fn of(first_item: Option<Duration>, item_timeout: Option<Duration>) -> Self {
        let limit = |span: Option<Duration>| span.filter(|span| !span.is_zero());
        Self { first_item: limit(first_item), item_timeout: limit(item_timeout) }
    }
}

/// An item that did not arrive in time.
#[derive(Clone, Copy)]
pub(super) struct Late {
    pub(super) is_first: bool,
    pub(super) after: Duration,
}

/// What is checked in a stream beyond its errors.
pub struct Rules<T, E> {
    limits: Limits,
    /// How long the call may wait for its first item, whatever the limits say. It is the time that
    /// is left for all attempts.
    max_wait: Option<Duration>,
    /// What was left of `first_item` when the stream was created.
    left: Duration,
    pub(super) until: Option<fn(&T) -> bool>,
    /// Makes the reader's error.
    open: Option<fn(CircuitBreakerError) -> E>,
    /// Runs while the reader waits.
    timer: Option<Limit>,
}

impl<T, E> fmt::Debug for Rules<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<T, E> Rules<T, E> {
    pub(super) const NONE: Self =
        Self { limits: Limits::NONE, max_wait: None, left: Duration::ZERO, until: None, open: None, timer: None };

    /// The limits need `open`.
    pub(super) const fn new(
        limits: Limits,
        until: Option<fn(&T) -> bool>,
        open: Option<fn(CircuitBreakerError) -> E>,
        max_wait: Option<Duration>,
    ) -> Self {
        Self { limits, max_wait, until, open, ..Self::NONE }
    }

    /// The same for this call, whose stream exists.
    pub(super) fn of(mut self, call: &Streaming) -> Self {
        self.left = self.limits.first_item.map_or(Duration::ZERO, |span| call.left_of(span));
        if let Some(max_wait) = self.max_wait.filter(|max_wait| *max_wait < self.left) {
            (self.limits.first_item, self.left) = (Some(max_wait), max_wait);
        }
        self
    }

    /// Sets the limits that are given.
    #[cfg(feature = "tokio")]
    pub(super) fn set(&mut self, limits: Limits, call: &Streaming, open: fn(CircuitBreakerError) -> E) {
        if let Some(span) = limits.first_item {
            (self.limits.first_item, self.left) = (Some(span), call.left_of(span));
        }
        self.limits.item_timeout = limits.item_timeout.or(self.limits.item_timeout);
        self.open = Some(open);
    }

    pub(super) fn is_limited(&self) -> bool {
        self.open.is_some()
    }

    /// The reader's error.
    pub(super) fn open(&self, error: CircuitBreakerError) -> Option<E> {
        self.open.map(|open| open(error))
    }

    /// Handles a reader that waits. Ready when the wait has taken too long.
    pub(super) fn wait(&mut self, call: &Streaming, context: &mut Context<'_>) -> Poll<Late> {
        let Some(permit) = call.permit() else { return Poll::Pending };
        let Limits { first_item, item_timeout } = self.limits;
        let first = first_item.filter(|_| call.is_new());
        let Some(after) = first.or(item_timeout) else { return Poll::Pending };
        let left = if first.is_some() { self.left } else { after };
        ready!(timeout::wait_for(&mut self.timer, || Some(left), permit.breaker(), context));
        Poll::Ready(Late { is_first: first.is_some(), after })
    }

    /// The reader no longer waits.
    pub(super) fn stop_timer(&mut self) {
        self.timer = None;
    }

    /// Records a success if this item completes the answer.
    pub(super) fn check_complete(&self, value: &T, call: &mut Streaming) {
        let until = self.until.filter(|_| call.permit().is_some());
        let is_complete = until.is_some_and(|is_last| call.guarded(|| is_last(value)));
        if let Some(permit) = is_complete.then(|| call.end()).flatten() {
            permit.success();
        }
    }

    /// Handles the end of the stream. Returns the error for its reader, if the reader gets one.
    pub(super) fn end_of(
        &self,
        call: &mut Streaming,
        is_first: bool,
        drop_stream: impl FnOnce(),
    ) -> Option<CircuitBreakerError> {
        if is_first && self.limits.first_item.is_some() {
            return call.time_out(None, drop_stream);
        }
        match call.end()? {
            permit if self.until.is_none() => permit.success(),
            permit => permit.ended_early(false),
        }
        None
    }
}
