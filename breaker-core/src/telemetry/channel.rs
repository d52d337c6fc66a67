//! Subscribe: events that leave the caller's task through a bounded channel.

use crate::breaker::error_text::Text;
use crate::breaker::handle::CircuitBreaker;
use crate::machine::state::State;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::telemetry::event::{
    Busy, Cancelled, Failure, FallbackCutOff, FallbackFailed, FallbackServed, Ignored, Listener, ProbeFailed, Rejected,
    Retrying, StateChange, StoreFailure, Success,
};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many events wait for a subscriber.
const ROOM: usize = 1024;

/// An event that owns what it tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the borrowed events in `breaker_core::event`")]
pub enum Event {
    /// As [`Success`].
    #[non_exhaustive]
    Success { breaker: String, function: Option<&'static str>, elapsed: Option<Duration> },
    /// As [`Failure`].
    #[non_exhaustive]
    Failure {
        breaker: String,
        function: Option<&'static str>,
        elapsed: Option<Duration>,
        error_type: &'static str,
        error: Option<String>,
        consecutive_failures: u32,
    },
    /// As [`ProbeFailed`].
    #[non_exhaustive]
    ProbeFailed {
        breaker: String,
        function: Option<&'static str>,
        error_type: &'static str,
        error: Option<String>,
        in_a_row: u32,
    },
    /// As [`Ignored`].
    #[non_exhaustive]
    Ignored { breaker: String, function: Option<&'static str>, elapsed: Option<Duration> },
    /// As [`Cancelled`].
    #[non_exhaustive]
    Cancelled { breaker: String, function: Option<&'static str>, in_a_row: u32 },
    /// As [`Rejected`].
    #[non_exhaustive]
    Rejected {
        breaker: String,
        function: Option<&'static str>,
        state: State,
        retry_after: Option<Duration>,
        shadow: bool,
    },
    /// As [`Busy`].
    #[non_exhaustive]
    Busy { breaker: String, function: Option<&'static str>, max_concurrent: u32, in_a_row: u64 },
    /// As [`FallbackServed`].
    #[non_exhaustive]
    Fallback {
        breaker: String,
        function: Option<&'static str>,
        source: &'static str,
        reason: &'static str,
        age: Option<Duration>,
    },
    /// As [`FallbackCutOff`].
    #[non_exhaustive]
    FallbackCutOff {
        breaker: String,
        function: Option<&'static str>,
        source: &'static str,
        reason: &'static str,
        after: Duration,
    },
    /// As [`FallbackFailed`].
    #[non_exhaustive]
    FallbackFailed {
        breaker: String,
        function: Option<&'static str>,
        source: Option<&'static str>,
        reason: &'static str,
    },
    /// As [`StoreFailure`].
    #[non_exhaustive]
    StoreFailure { breaker: String, function: Option<&'static str>, source: &'static str, error: String, in_a_row: u64 },
    /// As [`Retrying`].
    #[non_exhaustive]
    Retry { breaker: String, function: Option<&'static str>, attempt: u32, wait: Duration },
    /// As [`StateChange`].
    #[non_exhaustive]
    StateChange {
        breaker: String,
        old: State,
        new: State,
        generation: u64,
        sequence: u64,
        opened_because: Option<String>,
        consecutive_failures: u32,
        shadow: bool,
        reset: bool,
    },
}

impl CircuitBreaker {
    /// The events of this breaker from now on, but for the mere attempts and the ends of calls that are not counted
    /// ([`Listener::passed_on`]): a bounded stream that never makes a call wait.
    /// When 1,024 events are waiting to be received, further ones are left out, and [`Events::missed`] counts them.
    /// Dropping the stream ends the subscription.
    #[must_use]
    pub fn subscribe(&self) -> Events {
        let (listener, mut events) = forward(ROOM);
        let listener: Arc<dyn Listener> = Arc::new(listener);
        self.add_shared_listener(&listener);
        events.subscription = Some((self.clone(), listener));
        events
    }
}

/// A listener that passes events on to a channel with room for `room` of them (at least 1), and the channel's other end.
/// Where it is full, events are left out and counted: a call never waits.
#[must_use]
pub fn forward(room: usize) -> (Forward, Events) {
    let (sender, receiver) = mpsc::channel(room.max(1));
    let missed = Arc::new(AtomicU64::new(0));
    (Forward { sender, missed: Arc::clone(&missed) }, Events { receiver, missed, subscription: None })
}

/// The listener that [`forward`] makes.
#[derive(Clone, Debug)]
pub struct Forward {
    sender: mpsc::Sender<Event>,
    missed: Arc<AtomicU64>,
}

impl Forward {
    fn pass_on(&self, event: impl FnOnce() -> Event) {
        match self.sender.try_reserve() {
            Ok(place) => place.send(event()),
            Err(mpsc::error::TrySendError::Full(())) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
            Err(mpsc::error::TrySendError::Closed(())) => {}
        }
    }
}

impl Listener for Forward {
    fn success(&self, event: &Success<'_>) {
        let Success { breaker, function, elapsed } = *event;
        self.pass_on(|| Event::Success { breaker: breaker.name().to_owned(), function, elapsed });
    }

    fn failure(&self, event: &Failure<'_>) {
        let Failure { breaker, function, elapsed, error_type, error, consecutive_failures } = *event;
        self.pass_on(|| Event::Failure {
            breaker: breaker.name().to_owned(),
            function,
            elapsed,
            error_type,
            error: error.map(|text| Text::of(&text).as_str().to_owned()),
            consecutive_failures,
        });
    }

    fn probe_failed(&self, event: &ProbeFailed<'_>) {
        let ProbeFailed { breaker, function, error_type, error, in_a_row } = *event;
        self.pass_on(|| Event::ProbeFailed {
            breaker: breaker.name().to_owned(),
            function,
            error_type,
            error: error.map(|text| Text::of(&text).as_str().to_owned()),
            in_a_row,
        });
    }

    fn ignored(&self, event: &Ignored<'_>) {
        let Ignored { breaker, function, elapsed } = *event;
        self.pass_on(|| Event::Ignored { breaker: breaker.name().to_owned(), function, elapsed });
    }

    fn cancelled(&self, event: &Cancelled<'_>) {
        let Cancelled { breaker, function, in_a_row } = *event;
        self.pass_on(|| Event::Cancelled { breaker: breaker.name().to_owned(), function, in_a_row });
    }

    fn rejected(&self, event: &Rejected<'_>) {
        let Rejected { breaker, function, state, retry_after, shadow } = *event;
        let breaker = || breaker.name().to_owned();
        self.pass_on(|| Event::Rejected { breaker: breaker(), function, state, retry_after, shadow });
    }

    fn busy(&self, event: &Busy<'_>) {
        let Busy { breaker, function, max_concurrent, in_a_row } = *event;
        self.pass_on(|| Event::Busy { breaker: breaker.name().to_owned(), function, max_concurrent, in_a_row });
    }

    fn fallback(&self, event: &FallbackServed<'_>) {
        let FallbackServed { breaker, function, source, reason, age } = *event;
        self.pass_on(|| Event::Fallback { breaker: breaker.name().to_owned(), function, source, reason, age });
    }

    fn fallback_cut_off(&self, event: &FallbackCutOff<'_>) {
        let FallbackCutOff { breaker, function, source, reason, after } = *event;
        self.pass_on(|| Event::FallbackCutOff { breaker: breaker.name().to_owned(), function, source, reason, after });
    }

    fn fallback_failed(&self, event: &FallbackFailed<'_>) {
        let FallbackFailed { breaker, function, source, reason } = *event;
        self.pass_on(|| Event::FallbackFailed { breaker: breaker.name().to_owned(), function, source, reason });
    }

    fn store_failure(&self, event: &StoreFailure<'_>) {
        let StoreFailure { breaker, function, source, error, in_a_row } = *event;
        let (breaker, error) = (breaker.name().to_owned(), Text::of(&error).as_str().to_owned());
        self.pass_on(|| Event::StoreFailure { breaker, function, source, error, in_a_row });
    }

    fn retry(&self, event: &Retrying<'_>) {
        let Retrying { breaker, function, attempt, wait } = *event;
        self.pass_on(|| Event::Retry { breaker: breaker.name().to_owned(), function, attempt, wait });
    }

    fn state_change(&self, event: &StateChange<'_>) {
        self.pass_on(|| Event::StateChange {
            breaker: event.breaker.name().to_owned(),
            old: event.old,
            new: event.new,
            generation: event.generation,
            sequence: event.sequence,
            opened_because: event.opened_because.map(str::to_owned),
            consecutive_failures: event.consecutive_failures,
            shadow: event.shadow,
            reset: event.reset,
        });
    }
}

/// The receiving end. With the feature `stream` it is a `Stream` of [`Event`]s.
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    missed: Arc<AtomicU64>,
    subscription: Option<(CircuitBreaker, Arc<dyn Listener>)>,
}

impl Events {
    /// The next event. `None` when no [`Forward`] is left that could send one; a subscription goes on as long as it is held.
    ///
    /// # Cancellation
    /// No event is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// The next event, if one is waiting.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// How many events were left out because too many were waiting.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for Events {
    type Item = Event;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Event>> {
        self.receiver.poll_recv(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some((breaker, listener)) = self.subscription.take() {
            breaker.remove_listener(&listener);
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("missed", &self.missed()).finish_non_exhaustive()
    }
}
