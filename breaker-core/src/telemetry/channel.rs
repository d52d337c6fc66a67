//! Sends events through a bounded channel to another task.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Observer, for_each_event, own, owned, owned_type, shown, shown_if_any};
use crate::machine::state::State;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::telemetry::event::{
    Busy, Cancelled, Failure, FallbackFailed, FallbackServed, FallbackTimedOut, Ignored, Listener, ProbeFailed,
    Rejected, Retrying, StateChange, StoreFailure, Success,
};
use crate::telemetry::listener::observer;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many events wait for a subscriber at most.
const CAPACITY: usize = 1024;

/// The largest capacity of a channel of tokio, which panics above it.
const MOST: usize = usize::MAX >> 3;

macro_rules! owned_events {
    ({ $(
        $(#[$doc:meta])*
        $method:ident $name:ident as $variant:ident for $kind:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty $(=> $owned:ty: $own:path)?;)*
        }
    )* } { $($local:tt)* }) => {
        /// An event that owns its data.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $(
                $(#[$doc])*
                #[non_exhaustive]
                $variant {
                    /// The breaker's name.
                    breaker: String,
                    $($(#[$field_doc])* $field: owned_type!($type $(, $owned)?),)*
                },
            )*
        }

        impl Listener for EventSender {
            $(fn $method(&self, event: &$name<'_>) {
                self.send(|| Event::$variant {
                    breaker: event.breaker.name().to_owned(),
                    $($field: own!(event.$field $(, $own)?),)*
                });
            })*
        }
    };
}

for_each_event!(owned_events);

impl CircuitBreaker {
    /// The events of this breaker from now on, as a bounded stream that never makes a call wait. It
    /// leaves out the mere attempts and the ends of calls that are not counted
    /// ([`Listener::on_passed_on`]). When 1,024 events wait to be received, further ones are left
    /// out, and [`EventReceiver::dropped`] counts them. Dropping the stream ends the subscription.
    #[must_use]
    pub fn subscribe(&self) -> EventReceiver {
        let (sender, mut events) = event_channel(CAPACITY);
        let observer = observer(sender);
        self.add_observer(&observer);
        events.subscription = Some((self.clone(), observer));
        events
    }
}

/// A listener that passes events on to a channel, and the channel's other end. The channel holds
/// `capacity` events (at least 1, at most what tokio's channels can hold). Where it is full, events
/// are left out and counted: a call never waits.
#[must_use]
pub fn event_channel(capacity: usize) -> (EventSender, EventReceiver) {
    let (sender, receiver) = mpsc::channel(capacity.clamp(1, MOST));
    let dropped = Arc::new(AtomicU64::new(0));
    (EventSender { sender, dropped: Arc::clone(&dropped) }, EventReceiver { receiver, dropped, subscription: None })
}

/// The listener that [`event_channel`] makes.
#[derive(Clone, Debug)]
pub struct EventSender {
    sender: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

impl EventSender {
    fn send(&self, event: impl FnOnce() -> Event) {
        match self.sender.try_reserve() {
            Ok(permit) => permit.send(event()),
            Err(mpsc::error::TrySendError::Full(())) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(mpsc::error::TrySendError::Closed(())) => {}
        }
    }
}

/// The receiving end. With the feature `stream` it is a `Stream` of [`Event`]s.
pub struct EventReceiver {
    receiver: mpsc::Receiver<Event>,
    dropped: Arc<AtomicU64>,
    subscription: Option<(CircuitBreaker, Arc<dyn Observer>)>,
}

impl EventReceiver {
    /// The next event. `None` when no [`EventSender`] is left that could send one. A subscription
    /// continues as long as it is held.
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
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for EventReceiver {
    type Item = Event;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Event>> {
        self.receiver.poll_recv(context)
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        if let Some((breaker, observer)) = self.subscription.take() {
            breaker.remove_observer(&observer);
        }
    }
}

impl std::fmt::Debug for EventReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventReceiver").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}
