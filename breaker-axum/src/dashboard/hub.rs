//! Hub: each event of the feed is made once, for all readers. While somebody reads, one task looks at the breakers once in a second and
//! sends what has changed; a change of state is sent at once. Nothing of this is done by a call: a listener leaves a note, the task sends it.
//!
//! Memory: the channel keeps the last [`ROOM`] events for readers that have not taken them. One that is further behind has missed some, and
//! gets everything anew when it comes to read again.

use super::board::Board;
use super::history::{Fresh, History};
use super::shown::millis;
use breaker_core::Registry;
use bytes::Bytes;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The time between two looks at the breakers.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// How many events wait for a slow reader.
const ROOM: usize = 64;
/// So long the charts go on without a reader: who loads the page again finds them.
const LINGERS: Duration = Duration::from_secs(120);

/// An event as it goes over the wire.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    /// It is for those only who are logged in.
    pub(super) private: bool,
}

pub(super) struct Hub {
    registry: &'static Registry,
    history: Arc<History>,
    sender: broadcast::Sender<Frame>,
    told: Mutex<Told>,
}

/// What the readers have been told.
#[derive(Default)]
struct Told {
    board: Board,
    /// Everything, until something is sent that is newer.
    full: Option<Bytes>,
    /// The number of the task that sends ticks, if one does.
    ticks: Option<u64>,
    tasks: u64,
    /// Since when nobody reads.
    idle: Option<Instant>,
}

impl Hub {
    pub(super) fn new(registry: &'static Registry, history: Arc<History>) -> Arc<Self> {
        Arc::new(Self { registry, history, sender: broadcast::Sender::new(ROOM), told: Mutex::default() })
    }

    /// A place among the readers, and everything that there is to know before the first event. To be called in a tokio runtime.
    pub(super) fn join(self: &Arc<Self>) -> (broadcast::Receiver<Frame>, Bytes) {
        let mut told = self.lock();
        if told.ticks.is_some() {
            self.send_news(&mut told);
        } else {
            told.tasks += 1;
            told.ticks = Some(told.tasks);
            self.history.await_news(true);
            told.board = Board::default();
            told.full = None;
            told.board.look(self.registry, &self.history, SystemTime::now());
            tokio::spawn(run(Ticks(Arc::downgrade(self), told.tasks)));
        }
        told.idle = None;
        (self.sender.subscribe(), told.full())
    }

    /// Sends an event to those who are logged in.
    pub(super) fn announce(&self, event: &str, data: &impl Serialize) {
        let _in_order = self.lock();
        let _ = self.sender.send(Frame { bytes: frame(event, data), private: true });
    }

    /// The whole name of a breaker that goes by this one on the wire.
    pub(super) fn whole_name(&self, name: &str) -> Option<String> {
        self.lock().board.whole_name(name)
    }

    /// Looks at the breakers, and sends what has changed. `false`: nobody has read for long, so this was the last time.
    fn tick(&self) -> bool {
        let mut told = self.lock();
        self.send_news(&mut told);
        let now = SystemTime::now();
        let look = told.board.look(self.registry, &self.history, now);
        let tick = told.board.tick(&look, millis(now));
        self.send(&mut told, frame("tick", &tick));
        told.idle = (self.sender.receiver_count() == 0).then(|| told.idle.unwrap_or_else(Instant::now));
        let goes_on = told.idle.is_none_or(|since| since.elapsed() < LINGERS);
        if !goes_on {
            self.end(&mut told);
        }
        goes_on
    }

    /// Sends the changes of state that came since the last time.
    fn send_news(&self, told: &mut Told) {
        match self.history.take_news() {
            Fresh::Changes(news) => {
                for one in news {
                    let now = SystemTime::now();
                    if let Some(event) = told.board.change(self.registry, &self.history, &one, now) {
                        self.send(told, frame("transition", &event));
                    }
                }
            }
            Fresh::TooMuch => {
                told.board.look(self.registry, &self.history, SystemTime::now());
                told.full = None;
                let full = told.full();
                let _ = self.sender.send(Frame { bytes: full, private: false });
            }
        }
    }

    fn send(&self, told: &mut Told, bytes: Bytes) {
        told.full = None;
        // Without a reader it is gone.
        let _ = self.sender.send(Frame { bytes, private: false });
    }

    /// From now on whoever joins starts a new task.
    fn end(&self, told: &mut Told) {
        told.ticks = None;
        self.history.await_news(false);
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn full(&mut self) -> Bytes {
        let board = &self.board;
        self.full.get_or_insert_with(|| frame("full", &board.full(millis(SystemTime::now())))).clone()
    }
}

/// Says that the ticks have ended, also when their runtime ends.
struct Ticks(Weak<Hub>, u64);

impl Drop for Ticks {
    fn drop(&mut self) {
        if let Some(hub) = self.0.upgrade() {
            let mut told = hub.lock();
            if told.ticks == Some(self.1) {
                hub.end(&mut told);
            }
        }
    }
}

async fn run(ticks: Ticks) {
    let Some(bell) = ticks.0.upgrade().map(|hub| hub.history.bell()) else { return };
    let mut interval = interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval.tick().await;
    loop {
        let rang = tokio::select! {
            _ = interval.tick() => false,
            () = bell.notified() => true,
        };
        // The router is gone.
        let Some(hub) = ticks.0.upgrade() else { return };
        if rang {
            hub.send_news(&mut hub.lock());
        } else if !hub.tick() {
            return;
        }
    }
}

/// An event as `text/event-stream` has it. JSON has no line ends, so nothing in it ends the event.
pub(super) fn frame(event: &str, data: &impl Serialize) -> Bytes {
    let mut text = format!("event: {event}\ndata: ").into_bytes();
    let start = text.len();
    if serde_json::to_writer(&mut text, data).is_err() {
        // None of our types can fail.
        text.truncate(start);
        text.extend_from_slice(b"{}");
    }
    text.extend_from_slice(b"\n\n");
    text.into()
}
