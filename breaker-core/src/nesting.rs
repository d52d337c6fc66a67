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

struct Innermost {
    breaker: Cell<Id>,
    word: Cell<Word>,
    /// 0 too where there is no call.
    probe: Cell<u32>,
}

thread_local!(static INNERMOST: Innermost = const {
    Innermost { breaker: Cell::new(Id::NONE_YET), word: Cell::new(Word::NONE), probe: Cell::new(0) }
});

thread_local!(static AROUND: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) });

// The function of an inner call that succeeded last on this thread, and its breaker.
thread_local!(static ANSWERED: Cell<(Id, Option<&'static str>)> = const { Cell::new((Id::NONE, None)) });

impl Innermost {
    fn frame(&self) -> Frame {
        Frame { breaker: self.breaker.get(), word: self.word.get(), probe: self.probe.get() }
    }

    fn set(&self, Frame { breaker, word, probe }: Frame) {
        self.breaker.set(breaker);
        self.word.set(word);
        self.probe.set(probe);
    }
}

/// Whether this thread is inside of no call, which is also said of one that has had none yet only after its first.
#[inline]
pub(crate) fn is_outside() -> bool {
    INNERMOST.with(|innermost| innermost.breaker.get() == Id::NONE)
}

/// The body of a call that holds no slot begins to run, or goes on, on a thread that [is outside](is_outside) of any.
#[inline]
pub(crate) fn enter_alone(core: &Core, word: Word) {
    INNERMOST.with(|innermost| {
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
    INNERMOST.with(|innermost| innermost.probe.set(probe));
}

/// A call is dropped before it ends, or after its time limit; its body is dropped next.
pub(crate) fn close(core: &Core, word: Word, probe: u32) {
    enter_with(core, word.with(Word::CLOSING), probe);
}

/// Makes room for a call inside the one that was the innermost, if there was one.
#[inline(never)]
fn nest(word: Word) -> Word {
    INNERMOST.with(|innermost| {
        if innermost.breaker.get() == Id::NONE_YET {
            sync::take_turn();
            return word;
        }
        // While a thread ends it may have no list any more: then what is around is forgotten.
        let kept = AROUND.try_with(|around| {
            let Ok(mut around) = around.try_borrow_mut() else { return false };
            around.push(innermost.frame());
            true
        });
        innermost.probe.set(0);
        if kept.unwrap_or(false) { word.with(Word::NESTED) } else { word }
    })
}

/// The word of the innermost call.
#[inline]
pub(crate) fn word() -> Word {
    INNERMOST.with(|innermost| innermost.word.get())
}

/// Leaves the innermost call, which is not nested and holds no slot.
#[inline]
pub(crate) fn leave_alone() {
    INNERMOST.with(|innermost| innermost.breaker.set(Id::NONE));
}

/// Leaves the innermost call, if its word is the gate's: then it is not nested, and nothing is to be said of its success but that it was one.
#[inline]
pub(crate) fn leave_plainly(shared: &Shared) -> bool {
    INNERMOST.with(|innermost| {
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
    INNERMOST.with(|innermost| {
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
    INNERMOST.with(|innermost| {
        let frame = innermost.frame();
        innermost.breaker.set(Id::NONE);
        innermost.probe.set(0);
        if frame.word.has(Word::NESTED) {
            unnest(innermost);
        }
        frame
    })
}

#[inline(never)]
fn unnest(innermost: &Innermost) {
    let around = AROUND.try_with(|around| around.try_borrow_mut().ok()?.pop());
    if let Some(frame) = around.ok().flatten() {
        innermost.set(frame);
    }
}

/// Runs `f` on the nearest call of the same breaker that this thread is inside of.
fn nearest<T>(core: &Core, f: impl FnOnce(&mut Frame) -> T) -> Option<T> {
    let breaker = Id::of(core);
    INNERMOST.with(|innermost| match innermost.breaker.get() {
        Id::NONE | Id::NONE_YET => None,
        found if found == breaker => {
            let mut frame = innermost.frame();
            let value = f(&mut frame);
            innermost.set(frame);
            Some(value)
        }
        _ => further_out(breaker, f),
    })
}

fn further_out<T>(breaker: Id, f: impl FnOnce(&mut Frame) -> T) -> Option<T> {
    let found = AROUND.try_with(|around| {
        let mut around = around.try_borrow_mut().ok()?;
        around.iter_mut().rev().find(|frame| frame.breaker == breaker).map(f)
    });
    found.ok().flatten()
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
    nearest(core, |frame| frame.word = frame.word.with_evidence(evidence.and(Evidence::WITHIN)));
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
    tell_around(core, Evidence::ANSWERED);
    ANSWERED.with(|answered| answered.set((Id::of(core), function)));
}

/// The inner call of this breaker that succeeded last on this thread, if it has a function.
pub(crate) fn answered(core: &Core) -> Option<&'static str> {
    let (breaker, function) = ANSWERED.with(Cell::get);
    function.filter(|_| breaker == Id::of(core))
}

/// Whether a call that is asked for goes in with the one around it, as it does while the state has not changed since: then whether it
/// decides nothing, as a flag, and the slot that the other one held.
pub(crate) fn go_along(core: &Core, word: Word) -> Option<(u64, u32)> {
    nearest(core, |frame| {
        (frame.word.generation() == word.generation()).then(|| {
            frame.word = frame.word.with_evidence(Evidence::WITHIN);
            (frame.word.only(Word::UNBOUND), std::mem::take(&mut frame.probe))
        })
    })?
}

/// Whether a call that is dropped is dropped with the one around it.
pub(crate) fn is_dropped_along(core: &Core) -> bool {
    nearest(core, |frame| frame.word.has(Word::CLOSING)).unwrap_or(false)
}
