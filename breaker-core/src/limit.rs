//! Limit: the time limit of a call, on tokio's timer.

use crate::clock::{self, Tick};
use crate::gate::Word;
use crate::permit::Permit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// When the call shall be cut off. The timer is only made when the body has to wait.
#[derive(Debug)]
pub(crate) enum Limit {
    Due(Instant),
    Waiting(Pin<Box<Sleep>>),
    /// There is no runtime that could wake the call.
    Nobody,
}

impl Limit {
    /// The limit of this call, counted from now.
    #[cold]
    pub(crate) fn of(permit: &Permit) -> Option<Self> {
        let span = permit.breaker().config().timeout?;
        // A limit past the end of time is none.
        Some(Instant::now().checked_add(span).map_or(Self::Nobody, Self::Due))
    }

    /// Ready when the time is over.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Self::Due(at) = *self {
            *self = match tokio::runtime::Handle::try_current() {
                Ok(_) => Self::Waiting(Box::pin(sleep_until(at))),
                Err(_) => Self::Nobody,
            };
        }
        match self {
            Self::Waiting(sleep) => sleep.as_mut().poll(context),
            Self::Due(_) | Self::Nobody => Poll::Pending,
        }
    }
}

impl crate::CircuitBreaker {
    /// Waits until a call would be admitted. Others may be quicker, so the next call can still be rejected.
    ///
    /// # Panics
    /// Outside of a tokio runtime with a timer, when it has to wait for a time.
    ///
    /// # Cancellation
    /// Dropping it has no effect on the breaker.
    pub async fn ready(&self) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match self.shut_for() {
                None => return,
                Some(Duration::MAX) => changed.await,
                // Whether the time is over or something changed: look again.
                Some(wait) => drop(tokio::time::timeout(wait, changed).await),
            }
        }
    }

    /// How long calls are rejected unless something changes, if they are.
    fn shut_for(&self) -> Option<Duration> {
        if !self.0.gate.word().has(Word::SHUT) {
            return None;
        }
        match self.0.gate.until() {
            Tick::NEVER => Some(Duration::MAX),
            until => Some(until.since(clock::now())).filter(|left| !left.is_zero()),
        }
    }
}
