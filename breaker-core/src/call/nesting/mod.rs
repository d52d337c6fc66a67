//! Knows which calls this thread is inside of, and what the inner ones report to the outer ones of
//! the same breaker.
//!
//! A call is inside another one while that one's body is polled, or run, on the same thread. So
//! each thread has a stack of calls, which grows with a poll and shrinks when that returns,
//! whatever becomes of it.
//!
//! A call that is dropped before it ends is on the stack too, as one that is closing, until its
//! body is gone: so the calls inside it know that they are dropped with it.

mod stack;

pub(crate) use self::stack::Frame;
use self::stack::{Id, Place, STACK, Stack};
use crate::breaker::caller::Binding;
#[cfg(feature = "tracing")]
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::{HotState, Inner};
use crate::clock::Tick;
use crate::machine::packed::{Evidence, PackedState};

/// Whether this thread is inside of no call. A thread that has had no call yet answers `false`: its
/// first call has a stripe to take.
#[inline]
pub(crate) fn is_outside() -> bool {
    STACK.with(Stack::is_empty)
}

/// The body of a call that holds no slot begins to run, or goes on, on a thread that [is
/// outside](is_outside) of any.
#[inline]
pub(crate) fn enter_alone(core: &HotState, word: PackedState) {
    STACK.with(|stack| stack.put_first(Id::of(core), word));
}

/// The same of a function which is to be known, under a word that says so.
#[inline]
pub(crate) fn enter_known(binding: &'static Binding, word: PackedState) {
    STACK.with(|stack| {
        stack.put_first(Id::of(binding.shared), word.never());
        stack.name_first(Some(binding));
    });
}

/// The same inside another call, of a function. `false`: that takes more.
#[inline]
pub(crate) fn enter_inside(binding: &'static Binding, word: PackedState) -> bool {
    STACK.with(|stack| stack.nest(Id::of(binding.shared), word, binding))
}

/// The same on any thread, of a call that may hold a slot.
#[inline]
pub(crate) fn enter(core: &HotState, word: PackedState, probe: u32, function: Option<&'static Binding>) {
    STACK.with(|stack| {
        if stack.is_empty() {
            stack.put_first(Id::of(core), word);
            stack.first().probe.set(probe);
            stack.name_first(function);
        } else {
            enter_any(core, word, probe, function);
        }
    });
}

/// The same of a call by a handle that holds no slot.
#[inline]
pub(crate) fn enter_slotless(core: &HotState, word: PackedState) {
    if is_outside() {
        enter_alone(core, word);
    } else {
        enter_any(core, word, 0, None);
    }
}

#[inline(never)]
fn enter_any(core: &HotState, word: PackedState, probe: u32, function: Option<&'static Binding>) {
    STACK.with(|stack| stack.push(Id::of(core), word, probe, function));
}

/// A call is dropped before it ends, or after its time limit; its body is dropped next.
pub(crate) fn close(core: &HotState, word: PackedState, probe: u32, function: Option<&'static Binding>) {
    enter(core, word.with(PackedState::CLOSING), probe, function);
}

/// Leaves the only call on the stack, if its word is the gate's: then nothing is to be said of its
/// success but that it was one.
#[inline]
pub(crate) fn leave_plainly(shared: &Inner) -> bool {
    STACK.with(|stack| {
        let plain = shared.gate.load_relaxed() == stack.first().word.get();
        if plain {
            stack.clear();
            shared.totals.success_on_stripe();
        }
        plain
    })
}

/// Leaves the innermost call of a function, which has succeeded, if all there is to it is that it
/// tells the call around it, or that those inside it have told already.
#[inline(never)]
pub(crate) fn leave_in_turn(shared: &'static Inner) -> bool {
    STACK.with(|stack| {
        let left = stack.leave(Id::of(shared), shared.gate.load_relaxed());
        if left == Some(true) {
            shared.totals.success_on_stripe();
        }
        left.is_some()
    })
}

/// Leaves the only call on the stack if it still has this word: then nothing has happened inside
/// it.
#[inline]
pub(crate) fn leave_untouched(word: PackedState) -> bool {
    STACK.with(|stack| {
        let untouched = stack.first().word.get() == word;
        if untouched {
            stack.first().probe.set(0);
            stack.clear();
        }
        untouched
    })
}

/// The same of one that holds no slot.
#[inline]
pub(crate) fn leave_slotless(word: PackedState) -> bool {
    STACK.with(|stack| {
        let untouched = stack.first().word.get() == word;
        if untouched {
            stack.clear();
        }
        untouched
    })
}

/// The word of the only call on the stack; with a mark, if it is not the only one.
#[inline]
pub(crate) fn word() -> PackedState {
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
fn nearest<T>(core: &HotState, f: impl Fn(&Place) -> T) -> Option<T> {
    STACK.with(|stack| stack.nearest(Id::of(core), f))
}

/// Tells the call around it what one inside it has to say.
#[inline]
pub(crate) fn report_evidence(core: &HotState, evidence: Evidence) {
    if !is_outside() {
        report_around(core, evidence);
    }
}

/// The same, and gives whether there is a call around it.
#[inline]
pub(crate) fn is_told(core: &HotState, evidence: Evidence) -> bool {
    !is_outside() && report_around(core, evidence)
}

#[inline(never)]
fn report_around(core: &HotState, evidence: Evidence) -> bool {
    nearest(core, |place| place.mark(evidence.and(Evidence::WITHIN))).is_some()
}

/// What calls inside the one around it have told, if there is one around it.
pub(crate) fn evidence_around(core: &HotState) -> Option<Evidence> {
    if is_outside() { None } else { nearest(core, |place| place.word.get().evidence()) }
}

/// Whether there is a call of the same breaker around it.
pub(crate) fn is_inside(core: &HotState) -> bool {
    evidence_around(core).is_some()
}

#[cfg(feature = "tracing")]
/// The function of the call of this breaker around it, if that has one and it is known.
pub(crate) fn function_around(breaker: &CircuitBreaker) -> Option<&'static str> {
    match STACK.with(|stack| stack.function_around(Id::of(&breaker.0)))? {
        Ok(binding) => Some(&binding.function.name),
        Err(number) => breaker.caller(number).map(|function| &*function.name),
    }
}

/// Tells the call around it of one that is dropped, if it has had calls inside it: any other one
/// only holds what was begun elsewhere.
pub(crate) fn report_dropped(core: &HotState, evidence: Evidence) {
    nearest(core, |place| {
        if place.word.get().evidence().has(Evidence::WITHIN) {
            place.mark(evidence);
        }
    });
}

/// Notes which function of the breaker's family made the innermost call, which is inside another
/// one.
pub(crate) fn number(number: u32) {
    STACK.with(|stack| stack.number(number));
}

/// Notes when the innermost call began, whose word says that it is counted among those under way.
pub(crate) fn note_start(at: Tick) {
    STACK.with(|stack| stack.note_start(at));
}

/// Takes the call around one that begins out of those under way: its time is no more its own. Gives
/// when it began, if it is among them.
pub(crate) fn take_start(core: &HotState) -> Option<Tick> {
    nearest(core, Place::take_start)?
}

#[cfg(feature = "tracing")]
/// The function of the call of this breaker that left last inside a call that has just left, if it
/// had one.
pub(crate) fn last_inside(breaker: &CircuitBreaker) -> Option<&'static str> {
    match STACK.with(|stack| stack.last_inside(Id::of(&breaker.0)))? {
        Ok(binding) => Some(&binding.function.name),
        Err(number) => breaker.caller(number).map(|function| &*function.name),
    }
}

/// Whether a call that is asked for goes in with the one around it, as it does while the state has
/// not changed since: then whether it decides nothing, as a flag, and the slot that the other one
/// held.
pub(crate) fn go_along(core: &HotState, word: PackedState) -> Option<(u64, u32)> {
    nearest(core, |place| {
        let outer = place.word.get();
        (outer.generation() == word.generation()).then(|| {
            place.mark(Evidence::WITHIN);
            (outer.only(PackedState::UNBOUND), place.probe.take())
        })
    })?
}

/// Gives the slot of a call that is dropped with the one around it to that one, which tells of
/// both. `false`: that one has no use for it.
pub(crate) fn hand_back(core: &HotState, word: PackedState, probe: u32) -> bool {
    let took = nearest(core, |place| {
        let takes = place.word.get().generation() == word.generation() && place.probe.get() == 0;
        if takes {
            place.probe.set(probe);
        }
        takes
    });
    took.unwrap_or(false)
}

/// The call around it with which one that is dropped is dropped.
pub(crate) fn dropped_with(core: &HotState) -> Option<PackedState> {
    nearest(core, |place| place.word.get()).filter(|word| word.has(PackedState::CLOSING))
}

/// A stream goes on to be read whose call has ended, with calls that have begun inside it.
#[cfg(feature = "stream")]
pub(crate) fn enter_ended(core: &HotState) {
    STACK.with(|stack| stack.push(Id::of_ended(core), PackedState::NONE, 0, None));
}

/// Whether this thread reads a stream of this breaker whose call has ended.
#[cfg(feature = "stream")]
pub(crate) fn is_in_ended(core: &HotState) -> bool {
    STACK.with(|stack| stack.nearest(Id::of_ended(core), |_| ())).is_some()
}
