//! Makes each event once, and sends it to all readers.
//!
//! While there are readers, one task takes a snapshot of the breakers every second and publishes
//! what has changed. It publishes a change of state at once. Calls do none of this work: a listener
//! keeps the change and wakes the task.
//!
//! The channel keeps the last [`CAPACITY`] events for slow readers. A reader that is further behind
//! has missed some, and gets everything again at its next read.
//!
//! An event is made under the lock and sent without it, since sending wakes readers and a waker may
//! run any code. A reader that joins in between has the event in its first message already. So
//! events are numbered, and a reader ignores those from before it joined.
//!
//! `tests` has the tests. May use: what `live` may. To add a kind of message, add it to `event`,
//! and a method here that makes and sends it.

use super::diff::{PublishedState, RegistrySnapshot};
use super::event::{Event, Message};
use super::history::{History, Pending};
use super::readers::STREAM_LIFETIME;
use super::text::{MAX_TEXT, unix_millis, wire_name};
use breaker_core::{CircuitBreaker, Registry};
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The time between two snapshots of the breakers.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// How many events are kept for slow readers.
const CAPACITY: usize = 64;
/// A reader joins again after [`STREAM_LIFETIME`]. A receiver that is older no longer reads.
const READER_TIMEOUT: Duration = STREAM_LIFETIME.saturating_add(TICK);
/// How long the task continues without readers, so that a page that is loaded again has its charts.
const LINGER: Duration = Duration::from_secs(120);

/// A message with its number.
type Numbered = (u64, Message);

/// The source of the events, for all readers.
pub(crate) struct Broadcast {
    registry: &'static Registry,
    history: Arc<History>,
    sender: broadcast::Sender<Numbered>,
    inner: Mutex<Inner>,
}

/// A reader's end of the broadcast.
#[derive(Debug)]
pub(crate) struct Receiver {
    messages: broadcast::Receiver<Numbered>,
    /// The number of the last event from before it joined.
    joined_after: u64,
}

impl Receiver {
    /// The next message since it joined.
    pub(crate) async fn recv(&mut self) -> Result<Message, RecvError> {
        loop {
            let (number, message) = self.messages.recv().await?;
            if number > self.joined_after {
                return Ok(message);
            }
        }
    }
}

#[derive(Default)]
struct Inner {
    state: PublishedState,
    /// The event `full`, until a newer event is made.
    full: Option<Event>,
    /// How many events were made.
    events: u64,
    /// The number of the task, if one runs.
    ticker: Option<u64>,
    /// How many tasks were started.
    tickers: u64,
    /// When the last reader joined.
    last_join: Option<Instant>,
    /// Since when there is no reader.
    idle_since: Option<Instant>,
}

impl Broadcast {
    pub(crate) fn new(registry: &'static Registry, history: Arc<History>) -> Arc<Self> {
        let (sender, inner) = (broadcast::Sender::new(CAPACITY), Mutex::default());
        Arc::new(Self { registry, history, sender, inner })
    }

    /// Adds a reader, and returns everything from before its first message.
    ///
    /// It has to be called in a tokio runtime.
    pub(crate) fn join(self: &Arc<Self>) -> (Receiver, Event) {
        let mut snapshot = None;
        loop {
            let mut inner = self.lock();
            let started = match snapshot.take() {
                _ if inner.ticker.is_some() => None,
                Some(snapshot) => Some(self.start(&mut inner, &snapshot)),
                None => {
                    drop(inner);
                    snapshot = Some(RegistrySnapshot::of(self.registry));
                    continue;
                }
            };
            inner.last_join = Some(Instant::now());
            inner.idle_since = None;
            let receiver = Receiver { messages: self.sender.subscribe(), joined_after: inner.events };
            let full = inner.full();
            drop(inner);
            if let Some(ticker) = started {
                tokio::spawn(run(ticker));
            }
            return (receiver, full);
        }
    }

    /// Prepares the task, which the caller has to spawn.
    fn start(self: &Arc<Self>, inner: &mut Inner, snapshot: &RegistrySnapshot) -> Ticker {
        inner.tickers += 1;
        inner.ticker = Some(inner.tickers);
        self.history.set_publishing(true);
        inner.state = PublishedState::default();
        inner.full = None;
        inner.state.update(snapshot, &self.history, SystemTime::now());
        Ticker(Arc::downgrade(self), inner.tickers)
    }

    /// Sends an event to the readers that are logged in.
    pub(crate) fn publish_private(&self, name: &str, data: &impl Serialize) {
        let numbered = self.lock().number(Message::Private(Event::new(name, data)));
        self.send(numbered);
    }

    /// The breaker that has this name on the page.
    pub(crate) fn find(&self, name: &str) -> Option<CircuitBreaker> {
        let whole_name = || self.lock().state.whole_name(name);
        let has_name = |one: &CircuitBreaker| one.name().len() > MAX_TEXT && wire_name(one.name()) == name;
        let registered = || self.registry.breakers().into_iter().find(has_name);
        self.registry.get(name).or_else(registered).or_else(|| self.registry.get(&whole_name()?))
    }

    /// Publishes what has changed. `false` if there was no reader for [`LINGER`], so that the task
    /// ends.
    fn tick(&self) -> bool {
        self.publish_transitions();
        let snapshot = RegistrySnapshot::of(self.registry);
        let mut inner = self.lock();
        let now = SystemTime::now();
        let changes = inner.state.update(&snapshot, &self.history, now);
        let tick = Event::new("tick", &inner.state.tick(&changes, unix_millis(now)));
        let tick = inner.publish(tick);
        let is_read =
            self.sender.receiver_count() > 0 && inner.last_join.is_some_and(|join| join.elapsed() <= READER_TIMEOUT);
        inner.idle_since = (!is_read).then(|| inner.idle_since.unwrap_or_else(Instant::now));
        let continues = inner.idle_since.is_none_or(|since| since.elapsed() < LINGER);
        if !continues {
            self.stop(&mut inner);
        }
        drop(inner);
        self.send(tick);
        continues
    }

    /// Publishes the pending changes of state.
    fn publish_transitions(&self) {
        match self.history.take_pending() {
            Pending::Transitions(all) => {
                for pending in all {
                    // A breaker that was removed has nothing to show.
                    let Some(breaker) = self.registry.get(&pending.name) else { continue };
                    let mut inner = self.lock();
                    let event = inner.state.add_transition(&breaker, &self.history, &pending, SystemTime::now());
                    let event = event.map(|event| Event::new("transition", &event));
                    let event = event.map(|event| inner.publish(event));
                    drop(inner);
                    event.into_iter().for_each(|event| self.send(event));
                }
            }
            Pending::Overflow => {
                let snapshot = RegistrySnapshot::of(self.registry);
                let mut inner = self.lock();
                inner.state.update(&snapshot, &self.history, SystemTime::now());
                inner.full = None;
                let resync = inner.number(Message::Resync);
                drop(inner);
                self.send(resync);
            }
        }
    }

    /// Has to be called with no lock held, since it wakes the readers.
    fn send(&self, numbered: Numbered) {
        // Without a reader the message is dropped.
        let _ = self.sender.send(numbered);
    }

    /// Ends the task. The next reader that joins starts another one.
    fn stop(&self, inner: &mut Inner) {
        inner.ticker = None;
        self.history.set_publishing(false);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Numbers an event for all readers, which makes the last `full` outdated.
    fn publish(&mut self, event: Event) -> Numbered {
        self.full = None;
        self.number(Message::Public(event))
    }

    fn number(&mut self, message: Message) -> Numbered {
        self.events += 1;
        (self.events, message)
    }

    fn full(&mut self) -> Event {
        let state = &self.state;
        self.full.get_or_insert_with(|| Event::new("full", &state.full(unix_millis(SystemTime::now())))).clone()
    }
}

/// The task of a broadcast. Its destructor records that it has ended, also when its runtime shuts
/// down.
struct Ticker(Weak<Broadcast>, u64);

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(broadcast) = self.0.upgrade() {
            let mut inner = broadcast.lock();
            if inner.ticker == Some(self.1) {
                broadcast.stop(&mut inner);
            }
        }
    }
}

async fn run(ticker: Ticker) {
    let Some(wake) = ticker.0.upgrade().map(|broadcast| broadcast.history.wake()) else { return };
    let mut interval = interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval.tick().await;
    loop {
        let woken = tokio::select! {
            _ = interval.tick() => false,
            () = wake.notified() => true,
        };
        // Without a router there is nothing to publish to.
        let Some(broadcast) = ticker.0.upgrade() else { return };
        if woken {
            broadcast.publish_transitions();
        } else if !broadcast.tick() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
