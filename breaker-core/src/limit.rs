//! Limit: the time limit of a call, on tokio's timer.

use crate::breaker::CircuitBreaker;
use crate::clock::{self, Tick};
use crate::gate::Word;
use crate::sync::{Arc, Ordering, survive};
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::sleep;

/// The timer that cuts a call off, on the heap: few calls need one. It does not take part in tokio's budget of a task: a body
/// that uses up its budget would never be cut off otherwise.
///
/// In an `Arc` that is never cloned: its drop is a short look and a call, where that of a box is written out in every annotated function.
pub struct Limit(Arc<Timer>);

struct Timer {
    span: Duration,
    /// As `dyn`, of which rustc knows at once that threads may share it: it looks at that for each annotated function.
    sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

/// Waits for the time limit of a call whose body waits: ready with the limit when its time is over.
pub(crate) fn wait(limit: &mut Option<Limit>, breaker: &CircuitBreaker, context: &mut Context<'_>) -> Poll<Duration> {
    if limit.is_none() {
        *limit = Limit::of(breaker);
    }
    limit.as_mut().map_or(Poll::Pending, |limit| limit.poll(context))
}

impl Limit {
    /// A timer for a call that waits from now on. `None` where there is no timer that could wake it, which is logged once: outside
    /// of a tokio runtime, and in one without `enable_time`.
    #[cold]
    fn of(breaker: &CircuitBreaker) -> Option<Self> {
        let limit = Self::after(breaker.0.gate.limit());
        if limit.is_none() {
            breaker.warn_of_no_timer();
        }
        limit
    }

    /// A timer that runs from now on, where there is one.
    #[cold]
    pub(crate) fn after(span: Duration) -> Option<Self> {
        let mut limit = None;
        if Handle::try_current().is_ok() {
            survive(|| limit = Some(Self(Arc::new(Timer { span, sleep: Box::pin(unconstrained(sleep(span))) }))));
        }
        limit
    }

    /// For how long it runs.
    pub(crate) fn span(&self) -> Duration {
        self.0.span
    }

    /// Ready with the limit when its time is over.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Duration> {
        let Some(timer) = Arc::get_mut(&mut self.0) else { return Poll::Pending };
        timer.sleep.as_mut().poll(context).map(|()| timer.span)
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limit").field(&self.span()).finish()
    }
}

impl CircuitBreaker {
    /// Waits until a call would be admitted, also by a `ramp`: it looks once a second whether the next call is, and that is over at the ramp's end. Others
    /// may be quicker, so the next call can still be rejected.
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

    pub(crate) fn warn_of_no_timer(&self) {
        // Once for all values of a `key`.
        if let Some(later) = self.0.member() {
            return later.head().warn_of_no_timer();
        }
        if !self.0.without_timer.swap(true, Ordering::Relaxed) {
            #[cfg(feature = "tracing")]
            crate::log::notice(&format!(
                "circuit breaker `{}`: the time limit of its calls does nothing outside of a tokio runtime with a timer, and \
                 `#[retry]` makes no second attempt",
                self.name()
            ));
        }
    }

    /// How long to wait until calls may be let in, unless something changes; `None`: the next one is.
    fn shut_for(&self) -> Option<Duration> {
        let word = self.0.gate.word();
        let (until, longest) = if word.has(Word::SHUT) {
            (self.0.gate.until(), Duration::MAX)
        } else if word.has(Word::ASK) {
            // Calls of others bring it nearer.
            (self.0.machine.lock().ramps_until()?, Duration::from_secs(1))
        } else {
            return None;
        };
        match until {
            Tick::NEVER => Some(longest),
            until => Some(until.since(clock::now()).min(longest)).filter(|left| !left.is_zero()),
        }
    }
}
