//! Nesting: which calls this thread is inside of, and what the inner ones tell the outer ones of the same breaker.
//!
//! A call is inside another one while that one's body is polled, or run, on the same thread. So each thread has a stack of calls, which grows
//! with a poll and shrinks when that returns, whatever becomes of it. The innermost call stands in plain cells; the ones around it are moved
//! to a list, which a call that is not nested never looks at.
//!
//! A call that is dropped before it ends is on the stack too, as one that is closing, until its body is gone: so the calls inside it know that
//! they are dropped with it.

use crate::gate::{Evidence, Word};
use crate::shared::{Core, Shared};
use crate::site::Link;
use crate::sync::{self, thread_local};
use std::cell::{Cell, RefCell};
use std::ptr;

/// A call on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    breaker: Id,
    /// The word under which it was let in, with its marks.
    pub(crate) word: Word,
    /// The slot that it holds, until a call inside it takes that over; 0: none.
    pub(crate) probe: u32,
}

/// Which breaker: its address. A call that is on the stack keeps its breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Id(usize);

impl Id {
    /// There is no call.
    const NONE: Self = Self(0);
    /// There was none on this thread so far.
    const NONE_YET: Self = Self(usize::MAX);

    #[inline]
    fn of(core: &Core) -> Self {
        Self(ptr::from_ref(core).addr())
    }
}

/// A place for a call on the stack.
struct Place {
    breaker: Cell<Id>,
    word: Cell<Word>,
    /// 0 too where there is no call.
    probe: Cell<u32>,
}

impl Place {
    const EMPTY: Self = Self { breaker: Cell::new(Id::NONE), word: Cell::new(Word::NONE), probe: Cell::new(0) };

    #[inline]
    fn frame(&self) -> Frame {
        Frame { breaker: self.breaker.get(), word: self.word.get(), probe: self.probe.get() }
    }

    #[inline]
    fn set(&self, Frame { breaker, word, probe }: Frame) {
        self.breaker.set(breaker);
        self.word.set(word);
        self.probe.set(probe);
    }

    #[inline]
    fn mark(&self, evidence: Evidence) {
        self.word.set(self.word.get().with_evidence(evidence));
    }
}

/// The stack of calls of a thread.
struct Stack {
    innermost: Place,
    /// How many calls there are around the innermost one.
    depth: Cell<usize>,
    /// The first of them; more are on the heap.
    around: [Place; NEAR],
    /// The inner call that succeeded last: its breaker and its function.
    answered: Cell<(Id, Option<&'static str>)>,
}

/// So many calls around another one are kept without the heap.
const NEAR: usize = 4;

thread_local!(static STACK: Stack = const {
    Stack {
        innermost: Place { breaker: Cell::new(Id::NONE_YET), word: Cell::new(Word::NONE), probe: Cell::new(0) },
        depth: Cell::new(0),
        around: [Place::EMPTY; NEAR],
        answered: Cell::new((Id::NONE, None)),
    }
});

// Apart, since it has to be freed, which every look would ask for.
thread_local!(static FAR: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) });

impl Stack {
    /// Makes room for another call. `false`: there is none any more, since the thread ends.
    #[inline]
    fn push(&self) -> bool {
        let (frame, depth) = (self.innermost.frame(), self.depth.get());
        match self.around.get(depth) {
            Some(place) => place.set(frame),
            None if push_far(frame) => {}
            None => return false,
        }
        self.depth.set(depth + 1);
        true
    }

    #[inline]
    fn pop(&self) {
        let depth = self.depth.get().saturating_sub(1);
        self.depth.set(depth);
        match self.around.get(depth) {
            Some(place) => self.innermost.set(place.frame()),
            None => self.innermost.set(pop_far()),
        }
    }

    /// The nearest call around the innermost one that is of the same breaker.
    fn further_out<T>(&self, breaker: Id, f: impl FnOnce(&Place) -> T) -> Option<T> {
        let depth = self.depth.get();
        if depth > NEAR
            && let Some(place) = find_far(breaker)
        {
            let value = f(&place.1);
            set_far(place.0, place.1.frame());
            return Some(value);
        }
        let near = self.around.get(..depth.min(NEAR))?;
        near.iter().rev().find(|place| place.breaker.get() == breaker).map(f)
    }
}

#[cold]
fn push_far(frame: Frame) -> bool {
    let pushed = FAR.try_with(|far| far.try_borrow_mut().map(|mut far| far.push(frame)));
    matches!(pushed, Ok(Ok(())))
}

#[cold]
fn pop_far() -> Frame {
    let popped = FAR.try_with(|far| far.try_borrow_mut().ok()?.pop());
    popped.ok().flatten().unwrap_or(Frame { breaker: Id::NONE, word: Word::NONE, probe: 0 })
}

#[cold]
fn find_far(breaker: Id) -> Option<(usize, Place)> {
    let found = FAR.try_with(|far| {
        let far = far.try_borrow().ok()?;
        let place = far.iter().rposition(|frame| frame.breaker == breaker)?;
        far.get(place).copied().map(|frame| (place, frame))
    });
    let (place, frame) = found.ok().flatten()?;
    let copy = Place::EMPTY;
    copy.set(frame);
    Some((place, copy))
}

#[cold]
fn set_far(place: usize, frame: Frame) {
    let _ = FAR.try_with(|far| {
        if let Some(kept) = far.try_borrow_mut().ok().as_mut().and_then(|far| far.get_mut(place)) {
            *kept = frame;
        }
    });
}

/// Whether this thread is inside of no call, which is also said of one that has had none yet only after its first.
#[inline]
pub(crate) fn is_outside() -> bool {
    STACK.with(|Stack { innermost, .. }| innermost.breaker.get() == Id::NONE)
}

/// The body of a call that holds no slot begins to run, or goes on, on a thread that [is outside](is_outside) of any.
#[inline]
pub(crate) fn enter_alone(core: &Core, word: Word) {
    STACK.with(|Stack { innermost, .. }| {
        innermost.breaker.set(Id::of(core));
        innermost.word.set(word);
    });
}

/// The same on any thread.
#[inline]
pub(crate) fn enter(core: &Core, word: Word) {
    let word = if is_outside() { word } else { nest(word) };
    enter_alone(core, word);
}

/// The same for one that may hold a slot.
#[inline]
pub(crate) fn enter_with(core: &Core, word: Word, probe: u32) {
    enter(core, word);
    STACK.with(|Stack { innermost, .. }| innermost.probe.set(probe));
}

/// A call is dropped before it ends, or after its time limit; its body is dropped next.
pub(crate) fn close(core: &Core, word: Word, probe: u32) {
    enter_with(core, word.with(Word::CLOSING), probe);
}

/// Makes room for a call inside the one that was the innermost, if there was one.
#[inline(never)]
fn nest(word: Word) -> Word {
    STACK.with(|stack| {
        if stack.innermost.breaker.get() == Id::NONE_YET {
            sync::take_turn();
            return word;
        }
        let pushed = stack.push();
        stack.innermost.probe.set(0);
        // Without room, what is around is forgotten.
        if pushed { word.with(Word::NESTED) } else { word }
    })
}

/// The same as [`enter`] for a plain call, without a way out.
#[inline]
pub(crate) fn enter_plainly(core: &Core, word: Word) {
    let word = nest(word);
    enter_alone(core, word);
}

/// The word of the innermost call.
#[inline]
pub(crate) fn word() -> Word {
    STACK.with(|Stack { innermost, .. }| innermost.word.get())
}

/// Leaves the innermost call, which is not nested and holds no slot.
#[inline]
pub(crate) fn leave_alone() {
    STACK.with(|Stack { innermost, .. }| innermost.breaker.set(Id::NONE));
}

/// Leaves the innermost call, if its word is the gate's: then it is not nested, and nothing is to be said of its success but that it was one.
#[inline]
pub(crate) fn leave_plainly(shared: &Shared) -> bool {
    STACK.with(|Stack { innermost, .. }| {
        let plain = shared.gate.glance() == innermost.word.get();
        if plain {
            innermost.breaker.set(Id::NONE);
            shared.totals.success_in_turn();
        }
        plain
    })
}

/// Leaves the innermost call if it still has this word: then it is not nested, and nothing has happened inside it.
#[inline]
pub(crate) fn leave_untouched(word: Word) -> bool {
    STACK.with(|Stack { innermost, .. }| {
        let untouched = innermost.word.get() == word;
        if untouched {
            innermost.breaker.set(Id::NONE);
            innermost.probe.set(0);
        }
        untouched
    })
}

/// Leaves the innermost call.
#[inline]
pub(crate) fn leave() -> Frame {
    STACK.with(|stack| {
        let frame = stack.innermost.frame();
        stack.innermost.breaker.set(Id::NONE);
        stack.innermost.probe.set(0);
        if frame.word.has(Word::NESTED) {
            stack.pop();
        }
        frame
    })
}

/// Leaves the innermost call of a function, which has succeeded, if that changes nothing but what it tells the call around it, or if those inside
/// it have told already.
pub(crate) fn leave_in_turn(link: &'static Link) -> bool {
    STACK.with(|stack| {
        let (innermost, shared) = (&stack.innermost, link.shared);
        let word = innermost.word.get();
        let gate = shared.gate.glance();
        if word.without_evidence().unnested() != gate || !gate.is_plain() {
            return false;
        }
        let (evidence, told) = (word.evidence(), word.evidence().has(Evidence::TOLD));
        innermost.breaker.set(Id::NONE);
        if !told {
            shared.totals.success_in_turn();
        }
        if word.has(Word::NESTED) {
            stack.pop();
            let evidence = if told { evidence } else { evidence.and(Evidence::ANSWERED) };
            if stack.tell(Id::of(shared), evidence) && !told {
                stack.answered.set((Id::of(shared), Some(&link.function)));
            }
        }
        true
    })
}

impl Stack {
    /// Runs `f` on the nearest call of the same breaker.
    #[inline]
    fn nearest<T>(&self, breaker: Id, f: impl FnOnce(&Place) -> T) -> Option<T> {
        if self.innermost.breaker.get() == breaker { Some(f(&self.innermost)) } else { self.further_out(breaker, f) }
    }

    /// Tells the nearest call of the same breaker, if there is one.
    #[inline]
    fn tell(&self, breaker: Id, evidence: Evidence) -> bool {
        self.nearest(breaker, |place| place.mark(evidence)).is_some()
    }
}

/// Runs `f` on the nearest call of the same breaker that this thread is inside of.
fn nearest<T>(core: &Core, f: impl FnOnce(&Place) -> T) -> Option<T> {
    STACK.with(|stack| stack.nearest(Id::of(core), f))
}

/// Tells the call around it what one inside it has to say.
#[inline]
pub(crate) fn tell(core: &Core, evidence: Evidence) {
    if !is_outside() {
        tell_around(core, evidence);
    }
}

#[inline(never)]
fn tell_around(core: &Core, evidence: Evidence) {
    nearest(core, |place| place.mark(evidence.and(Evidence::WITHIN)));
}

/// The same for one that has succeeded.
#[inline]
pub(crate) fn tell_success(core: &Core, function: impl FnOnce() -> Option<&'static str>) {
    if !is_outside() {
        tell_success_around(core, function());
    }
}

#[inline(never)]
fn tell_success_around(core: &Core, function: Option<&'static str>) {
    STACK.with(|stack| {
        if stack.tell(Id::of(core), Evidence::ANSWERED) {
            stack.answered.set((Id::of(core), function));
        }
    });
}

/// The inner call of this breaker that succeeded last on this thread, if it has a function.
pub(crate) fn answered(core: &Core) -> Option<&'static str> {
    let (breaker, function) = STACK.with(|stack| stack.answered.get());
    function.filter(|_| breaker == Id::of(core))
}

/// Whether a call that is asked for goes in with the one around it, as it does while the state has not changed since: then whether it
/// decides nothing, as a flag, and the slot that the other one held.
pub(crate) fn go_along(core: &Core, word: Word) -> Option<(u64, u32)> {
    nearest(core, |place| {
        let outer = place.word.get();
        (outer.generation() == word.generation()).then(|| {
            place.mark(Evidence::WITHIN);
            (outer.only(Word::UNBOUND), place.probe.take())
        })
    })?
}

/// Whether a call that is dropped is dropped with the one around it.
pub(crate) fn is_dropped_along(core: &Core) -> bool {
    nearest(core, |place| place.word.get().has(Word::CLOSING)).unwrap_or(false)
}
