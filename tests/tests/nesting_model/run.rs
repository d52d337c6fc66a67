//! Run: plays a case in virtual time. Tasks are polled one after another, and time passes when none
//! of them goes on.

use crate::play::{Caught, Given, Planned, Playing, play};
use crate::step::Hand;
use crate::tree::{After, Case, Child, Tree};
use crate::world::World;
use breaker_core::{CircuitBreaker, OnCancel, State};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What runs, for everything in it.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) world: Rc<World>,
    tasks: Rc<RefCell<Vec<Task>>>,
}

struct Task {
    playing: Playing,
    dropped_at: Option<Duration>,
}

impl Run {
    pub(crate) fn new(case: &Case, breakers: [CircuitBreaker; 2], annotated: bool) -> Self {
        Self { world: Rc::new(World::new(case, breakers, annotated)), tasks: Rc::default() }
    }

    pub(crate) fn spawn(&self, playing: Playing) {
        self.world.moved.set(true);
        self.tasks.borrow_mut().push(Task { playing, dropped_at: None });
    }

    /// A task, and its result; an error where it panicked.
    pub(crate) fn awaited(&self, playing: Playing) -> impl Future<Output = Given> + use<> {
        let slot = Rc::new(RefCell::new(None));
        let gives = slot.clone();
        self.spawn(Box::pin(async move {
            let given = Caught(playing).await;
            *gives.borrow_mut() = Some(given.clone());
            given
        }));
        poll_fn(move |_| slot.borrow_mut().take().map_or(Poll::Pending, Poll::Ready))
    }

    pub(crate) async fn play(&self, case: &Case) {
        for tree in &case.trees {
            self.begin(tree).await;
        }
        self.idle().await;
        self.recover(&case.healthy, case).await;
    }

    async fn begin(&self, tree: &Tree) {
        match tree.after {
            After::Span(span) => self.pass(span).await,
            After::Idle => self.idle().await,
            After::Open(of) => self.pass(self.shut_for(of)).await,
        }
        self.start(&tree.root, tree.dropped_in);
        self.settle();
    }

    fn start(&self, child: &Child, dropped_in: Option<Duration>) {
        self.world.left.set(64);
        let dropped_at = dropped_in.map(|span| self.world.wake_in(span));
        self.tasks.borrow_mut().push(Task { playing: play(self, child), dropped_at });
    }

    /// In how long this breaker may let calls in. Timers know whole milliseconds.
    fn shut_for(&self, of: usize) -> Duration {
        let left = self.world.breakers[of].snapshot().retry_after.unwrap_or_default();
        Duration::from_millis(left.as_nanos().div_ceil(1_000_000) as u64).min(Duration::from_secs(60))
    }

    /// Time passes, and tasks with it.
    async fn pass(&self, span: Duration) {
        let end = self.world.now.get() + span;
        loop {
            let left = end - self.world.now.get();
            let step = self.world.next().map_or(left, |next| next.min(left));
            if step.is_zero() {
                return;
            }
            self.world.pass(step).await;
            self.settle();
        }
    }

    /// Until nothing goes on any more; what waits for nothing is dropped then.
    async fn idle(&self) {
        self.settle();
        while !self.tasks.borrow().is_empty()
            && let Some(next) = self.world.next()
        {
            self.world.pass(next).await;
            self.settle();
        }
        self.tasks.take();
        self.settle();
    }

    /// Polls the tasks until none goes on.
    fn settle(&self) {
        loop {
            self.world.moved.set(false);
            for task in self.tasks.take() {
                if task.dropped_at.is_some_and(|at| at <= self.world.now.get()) {
                    drop(task);
                } else if let Some(waits) = self.poll(task) {
                    self.tasks.borrow_mut().push(waits);
                }
            }
            if !self.world.moved.get() {
                break;
            }
        }
        self.world.check();
    }

    /// The task, if it is not over.
    fn poll(&self, mut task: Task) -> Option<Task> {
        let poll = || task.playing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => Some(task),
            Ok(Poll::Ready(_)) => {
                self.world.moved.set(true);
                None
            }
            Err(panic) if panic.is::<Planned>() => None,
            Err(found) => resume_unwind(found),
        }
    }

    /// The service is well: whatever a breaker has been through, it closes.
    async fn recover(&self, healthy: &Child, case: &Case) {
        let mut healthy = healthy.clone();
        let drop_fails = case.keys.iter().any(|keys| keys.on_cancel == Some(OnCancel::Failure));
        if drop_fails && healthy.calls(0) && healthy.calls(1) {
            healthy.without_drops();
        }
        for of in 0..2 {
            if matches!(self.world.breakers[of].state(), State::ForcedOpen | State::Shadow | State::Disabled) {
                self.world.by_hand(of, Hand::Release);
            }
        }
        let recovers = |of: &usize| healthy.calls(*of) && case.keys[*of].enabled != Some(false);
        for _ in 0..60 {
            let open: Vec<_> = (0..2).filter(recovers).filter(|of| !self.is_closed(*of)).collect();
            if open.is_empty() {
                return;
            }
            let wait = open.iter().map(|of| self.shut_for(*of)).max().unwrap_or_default();
            self.pass(wait + Duration::from_millis(10)).await;
            self.start(&healthy, None);
            self.idle().await;
        }
        let state = [0, 1].map(|of| self.world.breakers[of].state());
        panic!("a healthy service does not close {state:?}; {healthy:?}");
    }

    fn is_closed(&self, of: usize) -> bool {
        self.world.breakers[of].state() == State::Closed
    }
}
