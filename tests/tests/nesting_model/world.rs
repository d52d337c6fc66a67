//! World: two breakers and what the reference says of them, held against each other at each thing
//! that happens.

use crate::compare::agree;
use crate::hears::Hears;
use crate::inside::Inside;
use crate::keys::Keys;
use crate::record::shown;
use crate::reference::{Ending, Seen};
use crate::step::Hand;
use crate::tree::Case;
use breaker_core::{CircuitBreaker, CircuitBreakerError};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

pub(crate) struct World {
    pub(crate) breakers: [CircuitBreaker; 2],
    /// Calls are made by annotated functions where they can be.
    pub(crate) annotated: bool,
    keys: [Keys; 2],
    inside: RefCell<Inside>,
    bodies: RefCell<Vec<Body>>,
    hears: Option<[Hears; 2]>,
    pub(crate) now: Cell<Duration>,
    /// The times at which something may go on.
    deadlines: RefCell<Vec<Duration>>,
    /// Something went on since the last look.
    pub(crate) moved: Cell<bool>,
    /// There is something to compare.
    happened: Cell<bool>,
    /// The number of calls that the tree that runs may still make.
    pub(crate) left: Cell<u32>,
    /// What was found while a panic of a body went its way.
    found: RefCell<Option<Box<dyn Any + Send>>>,
}

/// The body of a call.
#[derive(Clone, Copy, Debug)]
struct Body {
    of: usize,
    state: BodyState,
    /// It came to its end.
    gave: bool,
    /// When its time limit is over.
    limit: Option<Duration>,
    /// Of a stream that has given an item: since when its reader waits for the next one.
    item: Option<Option<Duration>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum BodyState {
    New,
    Begun,
    Panicked,
    Over,
}

impl World {
    pub(crate) fn new(case: &Case, breakers: [CircuitBreaker; 2], annotated: bool) -> Self {
        let hears = case.heard.then(|| [Hears::default(), Hears::default()]);
        if let Some(hears) = &hears {
            for (breaker, hears) in breakers.iter().zip(hears) {
                breaker.add_listener(hears.clone());
            }
        }
        Self {
            breakers,
            annotated,
            keys: case.keys,
            inside: RefCell::new(Inside::new(case.keys)),
            bodies: RefCell::default(),
            hears,
            now: Cell::default(),
            deadlines: RefCell::default(),
            moved: Cell::new(false),
            happened: Cell::new(true),
            left: Cell::new(0),
            found: RefCell::default(),
        }
    }

    /// A call is asked for; `None`: there are enough of them.
    pub(crate) fn enter(&self, of: usize) -> Option<usize> {
        self.left.set(self.left.get().checked_sub(1)?);
        self.bodies.borrow_mut().push(Body { of, state: BodyState::New, gave: false, limit: None, item: None });
        Some(self.inside.borrow_mut().enter(of))
    }

    /// It was let in: its body is polled for the first time, or its permit is there.
    pub(crate) fn let_in(&self, id: usize) {
        if self.bodies.borrow()[id].state == BodyState::New {
            self.bodies.borrow_mut()[id].state = BodyState::Begun;
            self.look(self.of(id));
            let expected = self.inside.borrow_mut().admit(id);
            assert_eq!(expected, Ok(()), "call {id} was let in");
        }
    }

    /// Its body is polled until what this gives is dropped.
    pub(crate) fn poll(&self, id: usize) -> Polled<'_> {
        self.let_in(id);
        self.inside.borrow_mut().poll(id);
        Polled { world: self, id, came_back: false }
    }

    /// Its body waits, for so long at most.
    pub(crate) fn waits(&self, id: usize) {
        let body = &mut self.bodies.borrow_mut()[id];
        if let (None, Some(limit)) = (body.limit, self.keys[body.of].timeout) {
            body.limit = Some(self.now.get() + limit);
            self.deadlines.borrow_mut().push(self.now.get() + limit);
        }
    }

    /// Its stream has given an item, or waits for one.
    pub(crate) fn streams(&self, id: usize, gave: Option<bool>) {
        let now = self.now.get();
        let item = &mut self.bodies.borrow_mut()[id].item;
        match (gave, &mut *item) {
            (Some(true), _) => *item = Some(None),
            (None, Some(waits)) => *waits = waits.or(Some(now)),
            _ => {}
        }
    }

    /// Its body is over.
    pub(crate) fn gives(&self, id: usize) {
        self.bodies.borrow_mut()[id].gave = true;
    }

    pub(crate) fn gave(&self, id: usize) -> bool {
        self.bodies.borrow()[id].gave
    }

    /// It is over with a result of its own.
    pub(crate) fn end(&self, id: usize, ending: Ending, error: bool) {
        self.bodies.borrow_mut()[id].state = BodyState::Over;
        self.look(self.of(id));
        self.inside.borrow_mut().end(id, ending, error);
    }

    /// It gave the breaker's own error.
    pub(crate) fn rejected_in_all(&self, id: usize, error: &CircuitBreakerError) {
        let body = self.bodies.borrow()[id];
        if body.state == BodyState::New {
            assert!(!error.is_timeout(), "nothing has begun");
            self.bodies.borrow_mut()[id].state = BodyState::Over;
            self.look(body.of);
            let expected = self.inside.borrow_mut().admit(id);
            assert_eq!(expected, Err((error.state(), error.retry_after())), "call {id} was rejected");
        } else {
            assert!(error.is_timeout(), "call {id} was let in");
            assert!(body.limit.is_some_and(|limit| limit <= self.now.get()), "its time is over");
            self.end(id, Ending::Failure(None), true);
        }
    }

    /// It was dropped; if it had begun, that is an ending.
    pub(crate) fn dropped(&self, id: usize) {
        let body = self.bodies.borrow()[id];
        let ending = match body.state {
            BodyState::New | BodyState::Over => return,
            BodyState::Begun => match body.item {
                Some(waits) => Ending::Left(waits.map(|since| self.now.get() - since)),
                None => Ending::Dropped,
            },
            BodyState::Panicked => Ending::Panicked,
        };
        if let Err(found) = catch_unwind(AssertUnwindSafe(|| self.end(id, ending, false))) {
            self.found.borrow_mut().get_or_insert(found);
        }
    }

    pub(crate) fn by_hand(&self, of: usize, hand: Hand) {
        let breaker = &self.breakers[of];
        match hand {
            Hand::ForceOpen => breaker.force_open(),
            Hand::ForceOpenFor(span) => breaker.force_open_for(span),
            Hand::Disable => breaker.disable(),
            Hand::Shadow => breaker.shadow(),
            Hand::Release => breaker.clear_override(),
            Hand::Reset => breaker.reset(),
            Hand::Trip => breaker.trip(),
            Hand::TripFor(span) => breaker.trip_for(span),
            Hand::HalfOpen => breaker.half_open(),
        }
        self.look(of);
        self.inside.borrow_mut().by_hand(of, hand);
    }

    /// In how long something goes on, if it does.
    pub(crate) fn next(&self) -> Option<Duration> {
        let mut deadlines = self.deadlines.borrow_mut();
        deadlines.retain(|deadline| *deadline > self.now.get());
        deadlines.iter().min().map(|deadline| *deadline - self.now.get())
    }

    /// Something may go on in so long.
    pub(crate) fn wake_in(&self, span: Duration) -> Duration {
        let deadline = self.now.get() + span;
        self.deadlines.borrow_mut().push(deadline);
        deadline
    }

    pub(crate) async fn pass(&self, span: Duration) {
        tokio::time::advance(span).await;
        self.now.set(self.now.get() + span);
        self.inside.borrow_mut().pass(span);
    }

    fn of(&self, id: usize) -> usize {
        self.bodies.borrow()[id].of
    }

    /// Something happened to this breaker: lets the reference see the window that it shows now.
    fn look(&self, of: usize) {
        self.happened.set(true);
        if self.keys[of].looks_at_window() {
            let snapshot = self.breakers[of].snapshot();
            let window = snapshot.window.map(shown).unwrap_or_default();
            let opened = snapshot.opened_because.is_some();
            self.inside.borrow_mut().references[of].seen = Seen { window, retry_after: None, opened };
        }
    }

    pub(crate) fn check(&self) {
        if let Some(found) = self.found.take() {
            resume_unwind(found);
        }
        for (id, body) in self.bodies.borrow().iter().enumerate() {
            let late = body.state == BodyState::Begun && body.limit.is_some_and(|limit| limit <= self.now.get());
            assert!(!late, "the time of call {id} is over");
        }
        // To look at all of a breaker is dear.
        if self.happened.replace(false) {
            self.compare();
        }
    }

    fn compare(&self) {
        let inside = self.inside.borrow();
        for (breaker, reference) in self.breakers.iter().zip(&inside.references) {
            let snapshot = breaker.snapshot();
            agree(&snapshot, reference);
            let kind = snapshot.last_error.as_ref().map(|error| match error.kind {
                kind @ ("panic" | "cancelled") => kind,
                _ => "failure",
            });
            assert_eq!(kind, reference.last_error);
        }
        drop(inside);
        self.compare_told();
    }

    fn compare_told(&self) {
        let mut inside = self.inside.borrow_mut();
        for of in 0..2 {
            let mut expected = std::mem::take(&mut inside.told[of]);
            if let Some(hears) = &self.hears {
                let mut heard = hears[of].take();
                // An annotated call that is timed out reports it before what is left of its body is
                // dropped.
                if self.annotated {
                    expected.sort_unstable();
                    heard.sort_unstable();
                }
                assert_eq!(heard, expected, "what was told of breaker {of}");
            }
        }
    }
}

/// A body that is being polled.
pub(crate) struct Polled<'w> {
    world: &'w World,
    id: usize,
    came_back: bool,
}

impl Polled<'_> {
    pub(crate) fn came_back(mut self) {
        self.came_back = true;
    }
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        self.world.inside.borrow_mut().leave(self.id);
        if !self.came_back {
            self.world.bodies.borrow_mut()[self.id].state = BodyState::Panicked;
        }
    }
}
