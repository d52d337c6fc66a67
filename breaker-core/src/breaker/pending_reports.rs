//! Keeps the order of reports.
//!
//! Listeners observe changes in the order in which they were made, including those that a listener
//! makes itself. The pending reports of a thread wait in a queue of that thread until all earlier
//! reports are sent.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::next_sequence;
use crate::machine::output::Transition;
use crate::sync::per_thread;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

per_thread!(static REPORTS: ReportQueue = ReportQueue { open_scopes: Cell::new(0), pending: RefCell::new(VecDeque::new()) });

struct ReportQueue {
    /// How many report scopes of this thread are open, one inside the other.
    open_scopes: Cell<u32>,
    pending: RefCell<VecDeque<(CircuitBreaker, PendingReport)>>,
}

/// A pending report of one breaker.
pub(crate) enum PendingReport {
    /// The cause is as it was when the change was made.
    Transition { change: Transition, sequence: u64, because: Option<String> },
    /// An open period ends at another time than listeners know.
    Moved,
}

/// Delays reports while it exists. When the outermost scope of this thread ends, they are sent,
/// including those of changes that are made meanwhile.
#[must_use]
pub(crate) struct ReportScope;

impl ReportScope {
    pub(crate) fn begin() -> Self {
        // A thread that is ending has no queue, and everything is reported at once.
        let _ = REPORTS.try_with(|queue| queue.open_scopes.set(queue.open_scopes.get() + 1));
        Self
    }
}

impl Drop for ReportScope {
    #[inline]
    fn drop(&mut self) {
        let _ = REPORTS.try_with(|queue| {
            let end = ScopeEnd(&queue.open_scopes);
            if queue.open_scopes.get() == 1 && !queue.pending.borrow().is_empty() {
                queue.send();
            }
            drop(end);
        });
    }
}

/// Closes one scope, also where the destructor of a breaker's content panics.
struct ScopeEnd<'a>(&'a Cell<u32>);

impl Drop for ScopeEnd<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl ReportQueue {
    #[cold]
    fn send(&self) {
        while let Some((breaker, pending)) = self.next() {
            breaker.report_one(&pending);
        }
        // Frees the memory: the queue may have had one entry for each of many keys.
        self.pending.take();
    }

    fn next(&self) -> Option<(CircuitBreaker, PendingReport)> {
        self.pending.borrow_mut().pop_front()
    }
}

/// Changes that are still to be reported, with their sequence numbers.
#[must_use]
pub(crate) struct PendingReports {
    pub(crate) changes: Vec<(Transition, u64)>,
    /// Something changed, so waiting callers have to be woken.
    pub(crate) wake: bool,
    /// An open period ends at another time than listeners know.
    pub(crate) moved: bool,
}

impl PendingReports {
    pub(crate) const NOTHING: Self = Self { changes: Vec::new(), wake: false, moved: false };

    /// The change of a breaker without waiting callers.
    pub(crate) fn one(change: Transition) -> Self {
        Self { changes: vec![(change, next_sequence())], wake: false, moved: false }
    }

    /// The same, with whether an open period ends at another time than listeners know.
    pub(crate) fn moved_if(self, moved: bool) -> Self {
        Self { moved, ..self }
    }

    pub(crate) fn is_something(&self) -> bool {
        self.wake || self.moved || !self.changes.is_empty()
    }

    pub(crate) fn and(mut self, later: Self) -> Self {
        self.changes.extend(later.changes);
        self.wake |= later.wake;
        self.moved |= later.moved;
        self
    }
}

impl CircuitBreaker {
    /// Queues the reports on this thread, right after the change, and wakes waiting callers.
    /// `ReportScope` determines when the reports are sent. A waker or a listener may run any code,
    /// so no lock of the crate is held here.
    pub(crate) fn enqueue(&self, pending: PendingReports) {
        let PendingReports { changes, wake, moved } = pending;
        if !changes.is_empty() {
            self.expect_rejections();
        }
        for (change, sequence) in changes {
            let because = change.trip.map(|trip| self.0.kept_error.lock().because(trip));
            self.enqueue_one(PendingReport::Transition { change, sequence, because });
        }
        if moved {
            self.enqueue_one(PendingReport::Moved);
        }
        #[cfg(feature = "tokio")]
        if wake {
            self.0.changed.notify_waiters();
        }
        #[cfg(not(feature = "tokio"))]
        let _ = wake;
    }

    fn enqueue_one(&self, pending: PendingReport) {
        let mut pending = Some(pending);
        let _ = REPORTS
            .try_with(|queue| queue.pending.borrow_mut().extend(pending.take().map(|pending| (self.clone(), pending))));
        if let Some(pending) = pending {
            self.report_one(&pending);
        }
    }

    fn report_one(&self, pending: &PendingReport) {
        match pending {
            PendingReport::Transition { change, sequence, because } => {
                self.report_change(change, *sequence, because.as_deref());
            }
            PendingReport::Moved => self.report_moved_end(),
        }
    }
}

#[cfg(all(test, not(breaker_loom)))]
mod tests {
    use super::*;
    use crate::config::keys::Config;
    use crate::machine::Manual;
    use crate::machine::state::State;
    use crate::sync::{Arc, Mutex};
    use crate::telemetry::event::{Listener, StateChange};

    #[derive(Clone, Default)]
    struct Observed(Arc<Mutex<Vec<State>>>);

    impl Listener for Observed {
        fn on_state_change(&self, event: &StateChange<'_>) {
            self.0.lock().push(event.new);
        }
    }

    /// Reports a change when its thread ends.
    struct Last(RefCell<Option<(CircuitBreaker, PendingReports)>>);

    impl Drop for Last {
        fn drop(&mut self) {
            assert!(REPORTS.try_with(|_| ()).is_err(), "the queue is gone");
            let (breaker, pending) = self.0.take().expect("the test gives it one");
            breaker.report_pending(pending);
        }
    }

    std::thread_local!(static LAST: Last = const { Last(RefCell::new(None)) });

    #[test]
    fn a_thread_without_a_queue_reports_at_once() {
        let (breaker, observed) = (CircuitBreaker::new("test", Config::new()).unwrap(), Observed::default());
        breaker.add_listener(observed.clone());
        let thread = std::thread::spawn(move || {
            // The first thread-local value of a thread is dropped last.
            LAST.with(|_| ());
            breaker.force_open();
            let pending = breaker.changed_manually(|machine, now| machine.set_manual(Some(Manual::Disabled), now));
            LAST.with(|last| last.0.replace(Some((breaker, pending))));
        });
        thread.join().unwrap();
        assert_eq!(*observed.0.lock(), [State::ForcedOpen, State::Disabled]);
    }
}
