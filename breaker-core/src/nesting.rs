//! Nesting: which calls this thread is inside of, and what the inner ones tell the outer ones of the same breaker.
//!
//! A call is inside another one while that one's body is polled, or run, on the same thread. So each thread has a stack of calls, which grows
//! with a poll and shrinks when that returns, whatever becomes of it.
//!
//! A call that is dropped before it ends is on the stack too, as one that is closing, until its body is gone: so the calls inside it know that
//! they are dropped with it.

mod stack;

pub(crate) use self::stack::Frame;
use self::stack::{Id, Place, STACK, Stack};
use crate::gate::{Evidence, Word};
use crate::shared::{Core, Shared};
use crate::site::Link;

/// Whether this thread is inside of no call, which is also said of one that has had none yet only after its first.
#[inline]
pub(crate) fn is_outside() -> bool {
    STACK.with(Stack::is_empty)
}

/// The body of a call that holds no slot begins to run, or goes on, on a thread that [is outside](is_outside) of any.
#[inline]
pub(crate) fn enter_alone(core: &Core, word: Word) {
    STACK.with(|stack| stack.put_first(Id::of(core), word));
}

/// The same on any thread, of a call that may hold a slot.
#[inline]
pub(crate) fn enter(core: &Core, word: Word, probe: u32) {
    STACK.with(|stack| {
        if stack.is_empty() || !stack.grows() {
            stack.put_first(Id::of(core), word);
        } else {
            stack.innermost().put(Id::of(core), word);
        }
        if probe != 0 {
            stack.innermost().probe.set(probe);
        }
    });
}

/// A call is dropped before it ends, or after its time limit; its body is dropped next.
pub(crate) fn close(core: &Core, word: Word, probe: u32) {
    enter(core, word.with(Word::CLOSING), probe);
}

/// Leaves the only call on the stack, if its word is the gate's: then nothing is to be said of its success but that it was one.
#[inline]
pub(crate) fn leave_plainly(shared: &Shared) -> bool {
    STACK.with(|stack| {
        let plain = shared.gate.glance() == stack.first().word.get();
        if plain {
            stack.clear();
            shared.totals.success_in_turn();
        }
        plain
    })
}

/// Leaves the innermost call of a function, which has succeeded, if that changes nothing but what it tells the call around it, or if those inside
/// it have told already.
#[inline]
pub(crate) fn leave_in_turn(link: &'static Link) -> bool {
    STACK.with(|stack| {
        let (place, breaker) = (stack.innermost(), Id::of(link.shared));
        let evidence = place.word.get().evidence();
        if place.word.get().without_evidence() != link.shared.gate.glance() {
            return false;
        }
        if !evidence.has(Evidence::TOLD) {
            link.shared.totals.success_in_turn();
            if !stack.is_alone() {
                stack.shrink();
                if stack.tell(breaker, evidence.and(Evidence::ANSWERED)) {
                    stack.answered.set((breaker, Some(&link.function)));
                }
                return true;
            }
        }
        stack.shrink();
        stack.tell(breaker, evidence);
        true
    })
}

/// Leaves the only call on the stack if it still has this word: then nothing has happened inside it.
#[inline]
pub(crate) fn leave_untouched(word: Word) -> bool {
    STACK.with(|stack| {
        let untouched = stack.first().word.get() == word;
        if untouched {
            stack.first().probe.set(0);
            stack.clear();
        }
        untouched
    })
}

/// The word of the only call on the stack; with a mark, if it is not the only one.
#[inline]
pub(crate) fn word() -> Word {
    STACK.with(|stack| stack.first().word.get())
}

/// Leaves the only call on the stack, which holds no slot.
#[inline]
pub(crate) fn leave_alone() {
    STACK.with(Stack::clear);
}

/// Leaves the innermost call.
#[inline(never)]
pub(crate) fn leave() -> Frame {
    STACK.with(|stack| {
        let frame = stack.innermost().frame();
        stack.shrink();
        frame
    })
}

/// Runs `f` on the nearest call of the same breaker that this thread is inside of.
fn nearest<T>(core: &Core, f: impl Fn(&Place) -> T) -> Option<T> {
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
