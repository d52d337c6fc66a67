//! Hub: each event of the feed is made once, for all readers. While somebody reads, one task looks at the breakers once in a second and
//! sends what has changed; a change of state is sent at once. Nothing of this is done by a call: a listener leaves a note, the task sends it.
//!
//! Memory: the channel keeps the last [`ROOM`] events for readers that have not taken them. One that is further behind has missed some, and
//! gets everything anew when it comes to read again.
//!
//! An event is made under the lock and sent without it, since that wakes readers, and a waker may run any code. Until it is sent a reader may join,
//! whose first message holds it already. So events are numbered, and a reader leaves out those from before it joined.

use super::diff::{Board, Seen};
use super::history::{Fresh, History};
use super::readers::LASTS;
use super::view::millis;
use breaker_core::Registry;
use bytes::Bytes;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The time between two looks at the breakers.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// How many events wait for a slow reader.
const ROOM: usize = 64;
/// A reader joins again after [`LASTS`]. One that has not is stuck: it keeps its receiver, and reads no more.
const READS: Duration = LASTS.saturating_add(TICK);
/// So long the charts go on without a reader: who loads the page again finds them.
const LINGERS: Duration = Duration::from_secs(120);

/// What a reader is to be sent.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// An event as it goes over the wire.
    Event(Bytes),
    /// The same, for those only who are logged in.
    Private(Bytes),
    /// Everything, for so much has changed. Each takes it from [`Hub::join`], so that it does not stand in the channel.
    Anew,
}

/// A frame with its number.
type Numbered = (u64, Frame);

pub(crate) struct Hub {
    registry: &'static Registry,
    history: Arc<History>,
    sender: broadcast::Sender<Numbered>,
    told: Mutex<Told>,
}

/// A place among the readers.
#[derive(Debug)]
pub(crate) struct Receiver {
    frames: broadcast::Receiver<Numbered>,
    /// The last event that was made before it joined.
    after: u64,
}

impl Receiver {
    /// The next event since it joined.
    pub(crate) async fn recv(&mut self) -> Result<Frame, RecvError> {
        loop {
            let (number, frame) = self.frames.recv().await?;
            if number > self.after {
                return Ok(frame);
            }
        }
    }
}

/// What the readers have been told.
#[derive(Default)]
struct Told {
    board: Board,
    /// Everything, until something is sent that is newer.
    full: Option<Bytes>,
    /// How many events were made.
    events: u64,
    /// The number of the task that sends ticks, if one does.
    ticks: Option<u64>,
    tasks: u64,
    /// When the last reader joined.
    joined: Option<Instant>,
    /// Since when nobody reads.
    idle: Option<Instant>,
}

impl Hub {
    pub(crate) fn new(registry: &'static Registry, history: Arc<History>) -> Arc<Self> {
        Arc::new(Self { registry, history, sender: broadcast::Sender::new(ROOM), told: Mutex::default() })
    }

    /// A place among the readers, and everything that there is to know before the first event. To be called in a tokio runtime.
    pub(crate) fn join(self: &Arc<Self>) -> (Receiver, Bytes) {
        let mut seen = None;
        loop {
            let mut told = self.lock();
            let begun = match seen.take() {
                _ if told.ticks.is_some() => None,
                Some(seen) => Some(self.begin(&mut told, &seen)),
                None => {
                    drop(told);
                    seen = Some(Seen::of(self.registry));
                    continue;
                }
            };
            told.joined = Some(Instant::now());
            told.idle = None;
            let joined = (Receiver { frames: self.sender.subscribe(), after: told.events }, told.full());
            drop(told);
            if let Some(ticks) = begun {
                tokio::spawn(run(ticks));
            }
            return joined;
        }
    }

    /// What the task that sends ticks is to run with.
    fn begin(self: &Arc<Self>, told: &mut Told, seen: &Seen) -> Ticks {
        told.tasks += 1;
        told.ticks = Some(told.tasks);
        self.history.await_news(true);
        told.board = Board::default();
        told.full = None;
        told.board.look(seen, &self.history, SystemTime::now());
        Ticks(Arc::downgrade(self), told.tasks)
    }

    /// Sends an event to those who are logged in.
    pub(crate) fn announce(&self, event: &str, data: &impl Serialize) {
        let numbered = self.lock().number(Frame::Private(frame(event, data)));
        self.send(numbered);
    }

    /// The whole name of a breaker that goes by this one on the wire.
    pub(crate) fn whole_name(&self, name: &str) -> Option<String> {
        self.lock().board.whole_name(name)
    }

    /// Looks at the breakers, and sends what has changed. `false`: nobody has read for long, so this was the last time.
    fn tick(&self) -> bool {
        self.send_news();
        let seen = Seen::of(self.registry);
        let mut told = self.lock();
        let now = SystemTime::now();
        let look = told.board.look(&seen, &self.history, now);
        let tick = frame("tick", &told.board.tick(&look, millis(now)));
        let tick = told.event(tick);
        let reads = self.sender.receiver_count() > 0 && told.joined.is_some_and(|joined| joined.elapsed() <= READS);
        told.idle = (!reads).then(|| told.idle.unwrap_or_else(Instant::now));
        let goes_on = told.idle.is_none_or(|since| since.elapsed() < LINGERS);
        if !goes_on {
            self.end(&mut told);
        }
        drop(told);
        self.send(tick);
        goes_on
    }

    /// Sends the changes of state that came since the last time.
    fn send_news(&self) {
        match self.history.take_news() {
            Fresh::Changes(news) => {
                for one in news {
                    // One that is not there any more has nothing to show.
                    let Some(breaker) = self.registry.get(&one.name) else { continue };
                    let mut told = self.lock();
                    let change = told.board.change(&breaker, &self.history, &one, SystemTime::now());
                    let change = change.map(|change| frame("transition", &change));
                    let change = change.map(|change| told.event(change));
                    drop(told);
                    change.into_iter().for_each(|change| self.send(change));
                }
            }
            Fresh::TooMuch => {
                let seen = Seen::of(self.registry);
                let mut told = self.lock();
                told.board.look(&seen, &self.history, SystemTime::now());
                told.full = None;
                let anew = told.number(Frame::Anew);
                drop(told);
                self.send(anew);
            }
        }
    }

    /// With no lock held: it wakes the readers.
    fn send(&self, numbered: Numbered) {
        // Without a reader it is gone.
        let _ = self.sender.send(numbered);
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
    /// An event that is newer than everything.
    fn event(&mut self, bytes: Bytes) -> Numbered {
        self.full = None;
        self.number(Frame::Event(bytes))
    }

    fn number(&mut self, frame: Frame) -> Numbered {
        self.events += 1;
        (self.events, frame)
    }

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
            hub.send_news();
        } else if !hub.tick() {
            return;
        }
    }
}

/// An event as `text/event-stream` has it. JSON has no line ends, so nothing in it ends the event.
pub(crate) fn frame(event: &str, data: &impl Serialize) -> Bytes {
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

#[cfg(test)]
mod tests {
    use super::super::history::Ear;
    use super::*;
    use breaker_core::Config;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Wake, Waker};
    use tokio::time::{advance, sleep};

    fn hub() -> (Arc<Hub>, breaker_core::CircuitBreaker) {
        let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
        let history = Arc::new(History::default());
        registry.add_listener(Ear(Arc::clone(&history)));
        let breaker = registry.breaker("payments", Config::new()).unwrap();
        (Hub::new(registry, history), breaker)
    }

    fn data(bytes: &Bytes) -> serde_json::Value {
        let text = std::str::from_utf8(bytes).unwrap();
        serde_json::from_str(text.split_once("data: ").unwrap().1).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_task_while_nobody_reads_and_history_goes_on() {
        let (hub, breaker) = hub();
        breaker.force_open();
        assert!(hub.lock().ticks.is_none());
        assert!(matches!(hub.history.take_news(), Fresh::Changes(news) if news.is_empty()), "nobody would send it");
        let (reader, full) = hub.join();
        assert_eq!(data(&full)["breakers"][0]["transitions"][0]["new"], "forced_open");
        assert!(hub.lock().ticks.is_some());
        drop(reader);
        sleep(LINGERS / 2).await;
        assert!(hub.lock().ticks.is_some(), "who loads the page again finds its charts");
        sleep(LINGERS).await;
        assert!(hub.lock().ticks.is_none());
        breaker.release();
        let (_reader, full) = hub.join();
        assert_eq!(data(&full)["breakers"][0]["transitions"][1]["new"], "closed");
        assert!(hub.lock().ticks.is_some());
    }

    /// Else every reader of an outage would be sent an event for each breaker.
    #[tokio::test(start_paused = true)]
    async fn many_changes_at_once_are_sent_as_everything_anew() {
        let (hub, _) = hub();
        let breakers: Vec<_> =
            (0..200).map(|n| hub.registry.breaker(&format!("service_{n}"), Config::new()).unwrap()).collect();
        let (mut reader, _) = hub.join();
        breakers.iter().for_each(breaker_core::CircuitBreaker::force_open);
        assert!(matches!(reader.recv().await.unwrap(), Frame::Anew));
        let (mut reader, full) = hub.join();
        let full = data(&full);
        assert!(full["breakers"].as_array().unwrap()[1..].iter().all(|one| one["state"] == "forced_open"));
        advance(TICK).await;
        let Frame::Event(tick) = reader.recv().await.unwrap() else { panic!("no tick") };
        assert!(tick.starts_with(b"event: tick\n"), "and not each by itself as well");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_for_those_who_are_logged_in_is_marked() {
        let (hub, _) = hub();
        let (mut reader, _) = hub.join();
        hub.announce("audit", &serde_json::json!({}));
        assert!(matches!(reader.recv().await.unwrap(), Frame::Private(_)));
        advance(TICK).await;
        assert!(matches!(reader.recv().await.unwrap(), Frame::Event(_)));
    }

    /// Looks at the hub when it is woken.
    struct Looks(Arc<Hub>, AtomicBool);

    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            let free = self.0.told.try_lock().is_ok();
            self.1.store(free, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_is_told_of_an_action_with_no_lock_held() {
        let (hub, _) = hub();
        let (mut reader, _) = hub.join();
        let looks = Arc::new(Looks(Arc::clone(&hub), AtomicBool::new(false)));
        let mut next = Box::pin(reader.recv());
        assert!(next.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&looks)))).is_pending());
        hub.announce("audit", &serde_json::json!({}));
        assert!(looks.1.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_joins_before_an_event_is_sent_does_not_get_it_twice() {
        let (hub, _) = hub();
        let _early = hub.join();
        let made = hub.lock().event(Bytes::from_static(b"made"));
        let (mut reader, _) = hub.join();
        hub.send(made);
        hub.announce("audit", &serde_json::json!({}));
        assert!(matches!(reader.recv().await.unwrap(), Frame::Private(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_stuck_keeps_no_task() {
        let (hub, _) = hub();
        let (_stuck, _) = hub.join();
        sleep(LASTS).await;
        assert!(hub.lock().ticks.is_some(), "it has its time");
        sleep(LINGERS + TICK * 3).await;
        assert!(hub.lock().ticks.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_router_that_is_gone_leaves_no_task() {
        let (hub, _) = hub();
        let (reader, _) = hub.join();
        let weak = Arc::downgrade(&hub);
        drop((hub, reader));
        sleep(TICK * 2).await;
        assert!(weak.upgrade().is_none());
    }
}
