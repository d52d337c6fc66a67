//! Limit: the time limit of a call, on tokio's timer.

use crate::clock::{self, Tick};
use crate::gate::Word;
use crate::permit::Permit;
use crate::sync::Ordering;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timer that cuts a call off.
#[derive(Debug)]
pub(crate) struct Limit(Pin<Box<Sleep>>);

impl Limit {
    /// When a call that starts now is to be cut off. A limit past the end of time is none.
    #[cold]
    pub(crate) fn due(permit: &Permit) -> Option<Instant> {
        Instant::now().checked_add(permit.breaker().config().timeout?)
    }

    /// A timer for then; `None` outside of a runtime, where nobody could wake the call: that is logged once.
    #[cold]
    pub(crate) fn at(due: Instant, permit: &Permit) -> Option<Self> {
        match tokio::runtime::Handle::try_current() {
            Ok(_) => Some(Self(Box::pin(sleep_until(due)))),
            Err(_) => {
                permit.breaker().warn_of_no_runtime();
                None
            }
        }
    }

    /// Ready when the time is over.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
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

    fn warn_of_no_runtime(&self) {
        if !self.0.without_runtime.swap(true, Ordering::Relaxed) {
            #[cfg(feature = "tracing")]
            crate::log::notice(&format!(
                "circuit breaker `{}`: the time limit of its calls does nothing outside of a tokio runtime",
                self.name()
            ));
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
