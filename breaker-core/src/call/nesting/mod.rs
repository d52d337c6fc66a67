//! Tracks the calls that this thread is inside of, and what inner calls report to outer calls of
//! the same breaker.
//!
//! A call is inside another call while the body of that call is polled, or run, on the same thread.
//! So each thread has a stack of calls. The stack grows with a poll and shrinks when the poll
//! returns or panics.
//!
//! A call that is dropped before it ends is on the stack too. It is marked as closing until its
//! body is dropped. So its inner calls know that they are dropped with it.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | enters and leaves calls, and reports to outer ones |
//! | `stack` | the stack of a thread |
//!
//! May use: `breaker` and what is below it. To add something that an inner call reports, add a bit
//! to `machine::packed::Evidence`, and report it by [`report_evidence`].

mod stack;

pub(crate) use self::stack::{Alone, Frame};
use self::stack::{Id, Place, STACK, Stack};
use crate::breaker::caller::Binding;
#[cfg(feature = "tracing")]
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::{HotState, Inner};
use crate::clock::Tick;
use crate::machine::packed::{Evidence, PackedState};

/// Whether this thread is outside of any call. A thread that has had no call yet returns `false`:
/// its first call has to be assigned a stripe.
#[inline]
pub(crate) fn is_outside() -> bool {
    STACK.with(Stack::is_empty)
}

/// Assigns a stripe to this thread, if it has had no call yet. So a thread whose calls are all
/// rejected [is outside](is_outside) of any call too.
pub(crate) fn begin_thread() {
    STACK.with(Stack::begin);
}

/// The body of a call without a slot starts or continues to run. The thread [is
/// outside](is_outside) of any call.
#[inline]
pub(crate) fn enter_alone(hot: &HotState, packed: PackedState) {
    STACK.with(|stack| stack.put_first(Id::of(hot), packed));
}

/// The same for a function that has to be known, under a packed state that says so.
#[inline]
pub(crate) fn enter_known(binding: &'static Binding, packed: PackedState) {
    STACK.with(|stack| {
        stack.put_first(Id::of(binding.shared), packed.never());
        stack.name_first(Some(binding));
    });
}

/// The same where the call has a start too.
#[inline]
pub(crate) fn enter_known_at(binding: &'static Binding, packed: PackedState, started: Tick) {
    enter_known(binding, packed);
    STACK.with(|stack| stack.first().started.set(started));
}

/// The same for a function inside another call. `false`: the general path is needed.
#[inline]
pub(crate) fn enter_inside(binding: &'static Binding, packed: PackedState) -> bool {
    STACK.with(|stack| stack.nest(Id::of(binding.shared), packed, binding))
}

/// The same on any thread, for a call that may hold a slot.
#[inline]
pub(crate) fn enter(hot: &HotState, packed: PackedState, probe: u32, function: Option<&'static Binding>) {
    STACK.with(|stack| {
        if stack.is_empty() {
            stack.put_first(Id::of(hot), packed);
            stack.first().probe.set(probe);
            stack.name_first(function);
        } else {
            enter_any(hot, packed, probe, function);
        }
    });
}

/// The same for a call by a handle that holds no slot.
#[inline]
pub(crate) fn enter_slotless(hot: &HotState, packed: PackedState) {
    if is_outside() {
        enter_alone(hot, packed);
    } else {
        enter_any(hot, packed, 0, None);
    }
}

#[inline(never)]
fn enter_any(hot: &HotState, packed: PackedState, probe: u32, function: Option<&'static Binding>) {
    STACK.with(|stack| stack.push(Id::of(hot), packed, probe, function));
}

/// A call is dropped before it ends, or after its time limit. Its body is dropped next.
pub(crate) fn close(hot: &HotState, packed: PackedState, probe: u32, function: Option<&'static Binding>) {
    enter(hot, packed.with(PackedState::CLOSING), probe, function);
}

/// Leaves the only call on the stack, if its packed state is that of the gate and there is no
/// streak. Then its success is counted and needs no report.
#[inline]
pub(crate) fn leave_plainly(inner: &Inner) -> bool {
    STACK.with(|stack| {
        let plain = inner.gate.load_relaxed() == stack.first().packed.get() && inner.gate.has_no_streak();
        if plain {
            stack.clear();
            inner.totals.success_on_stripe();
        }
        plain
    })
}

/// Leaves the innermost call of a function that has succeeded. It does so if the success at most
/// ends a streak, and is only reported to the enclosing call. It also does so if the inner calls
/// have reported already.
#[inline(never)]
pub(crate) fn leave_success(inner: &'static Inner) -> bool {
    if inner.gate.has_no_streak() {
        leave_counted(inner, inner.gate.load_relaxed())
    } else {
        leave_and_end_streak(inner)
    }
}

#[inline]
fn leave_counted(inner: &'static Inner, packed: PackedState) -> bool {
    STACK.with(|stack| {
        let left = stack.leave(Id::of(inner), packed);
        if left == Some(true) {
            inner.totals.success_on_stripe();
        }
        left.is_some()
    })
}

/// The same while there is a streak. `false`: the machine has to end it.
#[inline(never)]
fn leave_and_end_streak(inner: &'static Inner) -> bool {
    let packed = inner.gate.load_relaxed();
    let has_reported = STACK.with(|stack| stack.innermost().packed.get()) != packed;
    (has_reported || inner.end_streak(packed)) && leave_counted(inner, packed)
}

/// Leaves the only call on the stack if it still has this packed state. Then nothing has happened
/// inside it.
#[inline]
pub(crate) fn leave_untouched(packed: PackedState) -> bool {
    STACK.with(|stack| {
        let untouched = stack.first().packed.get() == packed;
        if untouched {
            stack.first().probe.set(0);
            stack.clear();
        }
        untouched
    })
}

/// The same for a call that holds no slot.
#[inline]
pub(crate) fn leave_slotless(packed: PackedState) -> bool {
    STACK.with(|stack| {
        let untouched = stack.first().packed.get() == packed;
        if untouched {
            stack.clear();
        }
        untouched
    })
}

/// The packed state of the only call on the stack. It has a mark if there are more calls.
#[inline]
pub(crate) fn packed() -> PackedState {
    STACK.with(|stack| stack.first().packed.get())
}

/// The only call on the stack. Its packed state has a mark if there are more calls.
#[inline]
pub(crate) fn alone() -> Alone {
    STACK.with(|stack| stack.first().alone())
}

/// When the call began that has just left the stack. It was the only one there.
pub(crate) fn last_start() -> Tick {
    STACK.with(|stack| stack.first().started.get())
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

/// Runs `f` on the nearest enclosing call of the same breaker.
fn nearest<T>(hot: &HotState, f: impl Fn(&Place) -> T) -> Option<T> {
    STACK.with(|stack| stack.nearest(Id::of(hot), f))
}

/// Reports the evidence of an inner call to the enclosing call.
#[inline]
pub(crate) fn report_evidence(hot: &HotState, evidence: Evidence) {
    if !is_outside() {
        report_around(hot, evidence);
    }
}

/// The same, and returns whether there is an enclosing call.
#[inline]
pub(crate) fn report_if_inside(hot: &HotState, evidence: Evidence) -> bool {
    !is_outside() && report_around(hot, evidence)
}

#[inline(never)]
fn report_around(hot: &HotState, evidence: Evidence) -> bool {
    nearest(hot, |place| place.mark(evidence.and(Evidence::WITHIN))).is_some()
}

/// What inner calls have reported to the enclosing call, if there is an enclosing call.
pub(crate) fn evidence_around(hot: &HotState) -> Option<Evidence> {
    if is_outside() { None } else { nearest(hot, |place| place.packed.get().evidence()) }
}

/// Whether there is an enclosing call of the same breaker.
pub(crate) fn is_inside(hot: &HotState) -> bool {
    evidence_around(hot).is_some()
}

#[cfg(feature = "tracing")]
/// The function of the enclosing call of this breaker, if it has one and it is known.
pub(crate) fn function_around(breaker: &CircuitBreaker) -> Option<&'static str> {
    match STACK.with(|stack| stack.function_around(Id::of(&breaker.0)))? {
        Ok(binding) => Some(&binding.function.name),
        Err(number) => breaker.caller(number).map(|function| &*function.name),
    }
}

/// Reports a dropped call to the enclosing call, if that has had inner calls. An enclosing call
/// without inner calls only holds what began elsewhere.
pub(crate) fn report_dropped(hot: &HotState, evidence: Evidence) {
    nearest(hot, |place| {
        if place.packed.get().evidence().has(Evidence::WITHIN) {
            place.mark(evidence);
        }
    });
}

/// Records which function of the keyed breakers made the innermost call.
pub(crate) fn number(number: u32) {
    STACK.with(|stack| stack.number(number));
}

/// Records when the innermost call began. Its packed state says that it is counted as in flight.
pub(crate) fn record_start(at: Tick) {
    STACK.with(|stack| stack.record_start(at));
}

/// Stops counting the enclosing call of a new call as in flight: its time is no longer its own.
/// Returns when it began, if it was counted.
pub(crate) fn take_start(hot: &HotState) -> Option<Tick> {
    nearest(hot, Place::take_start)?
}

#[cfg(feature = "tracing")]
/// The function of the inner call of this breaker that left last, inside the call that has just
/// left. `None` if it had no function.
pub(crate) fn last_inside(breaker: &CircuitBreaker) -> Option<&'static str> {
    match STACK.with(|stack| stack.last_inside(Id::of(&breaker.0)))? {
        Ok(binding) => Some(&binding.function.name),
        Err(number) => breaker.caller(number).map(|function| &*function.name),
    }
}

/// Whether a requested call joins the enclosing call. It does so while the state has not changed
/// since. Returns whether the call decides nothing, as a flag, and the slot that the enclosing call
/// held.
pub(crate) fn join_outer(hot: &HotState, packed: PackedState) -> Option<(u64, u32)> {
    nearest(hot, |place| {
        let outer = place.packed.get();
        (outer.generation() == packed.generation()).then(|| {
            place.mark(Evidence::WITHIN);
            (outer.only(PackedState::UNBOUND), place.probe.take())
        })
    })?
}

/// Returns the slot of a call that is dropped with its enclosing call. The enclosing call takes the
/// slot and reports both calls. `false`: it has no use for the slot.
pub(crate) fn return_slot(hot: &HotState, packed: PackedState, probe: u32) -> bool {
    let took = nearest(hot, |place| {
        let takes = place.packed.get().generation() == packed.generation() && place.probe.get() == 0;
        if takes {
            place.probe.set(probe);
        }
        takes
    });
    took.unwrap_or(false)
}

/// The packed state of the enclosing call with which a dropped call is dropped.
pub(crate) fn dropped_with(hot: &HotState) -> Option<PackedState> {
    nearest(hot, |place| place.packed.get()).filter(|packed| packed.has(PackedState::CLOSING))
}

/// The reader continues a stream whose call has ended, with calls that have begun inside it.
#[cfg(feature = "stream")]
pub(crate) fn enter_ended(hot: &HotState) {
    STACK.with(|stack| stack.push(Id::of_ended(hot), PackedState::NONE, 0, None));
}

/// Whether this thread reads a stream of this breaker whose call has ended.
#[cfg(feature = "stream")]
pub(crate) fn is_in_ended(hot: &HotState) -> bool {
    STACK.with(|stack| stack.nearest(Id::of_ended(hot), |_| ())).is_some()
}
