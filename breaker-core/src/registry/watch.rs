//! Ends open periods on time when no call comes.
//!
//! It is one future with one timer for all breakers of a registry.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Observer, Report};
use crate::call::timeout::Limit;
use crate::clock::{self, Tick};
use crate::registry::inner::RegistryState;
use crate::sync::{Arc, Mutex, Weak};
use crate::telemetry::added_listener::AddedListener;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How many open periods end in one poll, so that other tasks can run in between.
const BATCH: usize = 64;

/// The future of [`Registry::watch`](crate::Registry::watch). Dropping it ends the watch.
#[must_use = "a watch does nothing unless it is awaited or spawned"]
pub struct Watch {
    state: Weak<Mutex<RegistryState>>,
    added: AddedListener,
    ends: Arc<Ends>,
    timer: Option<(Tick, Limit)>,
}

/// The ends of open periods, by the breaker's name. A handle would keep a removed breaker alive, or
/// a keyed breaker that is to be evicted.
#[derive(Default)]
pub(crate) struct Ends(Mutex<Queue>);

/// Its lock is taken before that of a machine, so that the last entry matches the last state of the
/// machine.
#[derive(Default)]
struct Queue {
    in_order: BTreeSet<(Tick, Arc<str>)>,
    by_name: HashMap<Arc<str>, Tick>,
    /// The waker of the task that waits.
    waker: Option<Waker>,
    /// True when neither the registry nor any of its breakers is left.
    over: bool,
}

/// The next work of the watch.
enum Work {
    /// These open periods are over.
    Ended(Vec<Arc<str>>),
    /// The next open period ends at this time.
    Until(Tick),
    /// No open period is left.
    Nothing,
    Over,
}

impl Watch {
    pub(crate) fn new(state: &Arc<Mutex<RegistryState>>, add: impl FnOnce(Arc<dyn Observer>) -> AddedListener) -> Self {
        let ends = Arc::new(Ends::default());
        let added = add(Noting::observer(&ends));
        Self { state: Arc::downgrade(state), added, ends, timer: None }
    }

    /// Ready when the time has come. `false` if there is no timer.
    fn poll_timer(&mut self, end: Tick, context: &mut Context<'_>) -> Poll<bool> {
        if self.timer.as_ref().is_none_or(|(runs_to, _)| *runs_to != end) {
            let timer = Limit::after(end.since(clock::now()));
            self.timer = timer.map(|timer| (end, timer));
        }
        let Some((_, timer)) = &mut self.timer else { return Poll::Ready(false) };
        let over = std::task::ready!(timer.poll(context)).is_ok();
        self.timer = None;
        if !over {
            // The runtime of the timer is gone. The next poll starts a timer in another runtime.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(true)
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            match this.ends.work(context.waker()) {
                Work::Over => return Poll::Ready(()),
                Work::Nothing => {
                    this.timer = None;
                    return Poll::Pending;
                }
                Work::Until(end) => match this.poll_timer(end, context) {
                    Poll::Ready(true) => {}
                    Poll::Ready(false) => {
                        warn_of_no_timer();
                        return Poll::Ready(());
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Work::Ended(names) => {
                    let Some(state) = this.state.upgrade() else { return Poll::Ready(()) };
                    names.iter().for_each(|name| end(&state, name));
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Ends an open period, if its time is over.
fn end(state: &Mutex<RegistryState>, name: &str) {
    let breaker = state.lock().find(name);
    // A breaker without cold state is not open.
    if let Some(breaker) = breaker.filter(|breaker| breaker.0.initialized().is_some()) {
        breaker.change(|machine, now| ((), machine.lapse(now)));
    }
}

fn warn_of_no_timer() {
    #[cfg(feature = "tracing")]
    crate::breaker::log::notice("`Registry::watch` has ended, since it needs a tokio runtime with a timer");
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.added.remove();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Ends {
    /// Records the end of a breaker's open period, if it is open. Wakes the task for an earlier
    /// end.
    fn record(&self, breaker: &CircuitBreaker) {
        let mut queue = self.0.lock();
        let end = breaker.0.initialized().and_then(|cold| cold.machine.lock().ends());
        let waker = queue.set(breaker.name(), end);
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
    }

    #[cfg(all(test, breaker_loom))]
    pub(crate) fn noted(&self, name: &str) -> Option<Tick> {
        self.0.lock().by_name.get(name).copied()
    }

    /// The work to do now. The task is woken when the work changes.
    fn work(&self, waker: &Waker) -> Work {
        let now = clock::now();
        let mut queue = self.0.lock();
        if queue.over {
            return Work::Over;
        }
        let ended = queue.take_ended(now);
        if !ended.is_empty() {
            return Work::Ended(ended);
        }
        // An old waker may run any code when it is dropped, so it is dropped without the lock.
        let old = queue.waker.replace(waker.clone());
        let next = queue.in_order.first().map(|(end, _)| *end);
        drop(queue);
        drop(old);
        next.map_or(Work::Nothing, Work::Until)
    }

    fn close(&self) {
        let mut queue = self.0.lock();
        queue.over = true;
        let waker = queue.waker.take();
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Queue {
    /// Records an end. Returns the waker of the task that has to be woken for it.
    fn set(&mut self, name: &str, end: Option<Tick>) -> Option<Waker> {
        if let Some((name, before)) = self.by_name.remove_entry(name) {
            self.in_order.remove(&(before, name));
        }
        let name: Arc<str> = name.into();
        let entry = (end?, name);
        self.by_name.insert(Arc::clone(&entry.1), entry.0);
        self.in_order.insert(entry.clone());
        self.waker.take_if(|_| self.in_order.first() == Some(&entry))
    }

    /// Removes the names of the first open periods that are over, and returns them.
    fn take_ended(&mut self, now: Tick) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        while names.len() < BATCH && self.in_order.first().is_some_and(|(end, _)| *end <= now) {
            let Some((_, name)) = self.in_order.pop_first() else { break };
            self.by_name.remove(&name);
            names.push(name);
        }
        names
    }
}

/// The observer of a watch. When it is dropped, no breaker is left that could open.
pub(crate) struct Noting(Arc<Ends>);

impl Noting {
    pub(crate) fn observer(ends: &Arc<Ends>) -> Arc<dyn Observer> {
        Arc::new(Self(Arc::clone(ends)))
    }
}

impl Observer for Noting {
    fn wants_calls(&self) -> bool {
        false
    }

    fn report(&self, report: Report<'_>) {
        if let Report::StateChange(event) = report {
            self.0.record(event.breaker);
        }
    }

    fn end_moved(&self, breaker: &CircuitBreaker) {
        self.0.record(breaker);
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.0.close();
    }
}
