//! Tracks how far a call of an annotated async function has come. Nothing here depends on the type
//! of the body.
//!
//! This file begins, rejects and closes a call; `ending` ends it. `tests` has tests of the lock and
//! the clock.
//!
//! May use: `callsite` of `macro_support`, and `classify`, `call`, `breaker` and what is below
//! them. To add a state of a call, add it to [`CallState`] and to each `match` on it.

mod ending;
#[cfg(test)]
mod tests;

use crate::breaker::caller::{Binding, Caller};
use crate::breaker::cause::Cause;
use crate::breaker::error::{CircuitBreakerError, Refused};
use crate::breaker::error_view::Classified;
use crate::breaker::inner::Inner;
use crate::breaker::report::is_quiet;
use crate::call::nesting;
use crate::call::result::Fallible;
use crate::call::timeout;
use crate::classify::value::ClassifyValue;
use crate::clock::Tick;
use crate::machine::outcome::Outcome;
use crate::machine::packed::PackedState;
use crate::macro_support::callsite::Callsite;
use std::any::type_name;
use std::mem::{self, ManuallyDrop};
use std::task::{Context, Poll};

/// What an error counts as.
pub(crate) type ErrorClassifier<E> = for<'e> fn(&'e E) -> Classified<'e>;

/// A call in progress.
pub(crate) struct Entry(CallState);

/// How far a call has come.
enum CallState {
    /// The call has exceeded its time limit, and that was reported. Its body still has to be
    /// dropped. `true`: it is being dropped.
    TimedOut(&'static Binding, bool),
    /// The call was admitted in another way, or its body has waited.
    Held(Held),
    /// The breaker has not been asked yet. Or one load of the packed state was enough, and the body
    /// runs for the first time. Then the stack of calls has the packed state of the admission. If
    /// the call ends as most calls do, this state remains.
    NotStarted(&'static Callsite),
    /// The breaker has rejected the call, and that is reported next. The error is made where it is
    /// returned: one that is moved as a whole makes the reader wait for the stores of its fields.
    Rejected(Refused),
    Over,
}

/// What the permit of a call holds. The permit is created for an ending that is more than a count.
struct Held {
    binding: &'static Binding,
    /// The packed state under which the call was admitted.
    packed: PackedState,
    /// Zero where nothing needs it.
    started: Tick,
    /// Zero where the call is no probe.
    probe: u32,
    /// Dropped by `leave`, through which every call with a limit goes. So there is nothing to drop
    /// where a call is over.
    limit: ManuallyDrop<Option<timeout::Limit>>,
    /// The body is being polled.
    runs: bool,
    /// The body is being dropped.
    closes: bool,
    /// The body has waited inside a call of the same breaker.
    inside: bool,
    _niche: Niche,
}

/// A byte beside the probe. Its unused values are the tag of [`CallState`], which so needs no space
/// of its own.
#[repr(u8)]
enum Niche {
    Taken,
}

/// The same result. Taking it apart lets the value stay in registers.
#[inline(always)]
fn rebuilt<R: Fallible>(result: R) -> R {
    match result.into_result() {
        Ok(value) => R::from_ok(value),
        Err(error) => R::from_error(error),
    }
}

impl Entry {
    // Inlined in a debug build too: each annotated function has it.
    #[inline(always)]
    pub(crate) const fn of(callsite: &'static Callsite) -> Self {
        Self(CallState::NotStarted(callsite))
    }

    /// Does all that a closed breaker has to do for a call that is ready at once and succeeds. It
    /// is generic over the result only. So it is compiled once for each type of a result, and not
    /// for each function.
    #[inline]
    pub(crate) fn finish<R, E>(
        &mut self,
        inner: &'static Inner,
        polled: Poll<R>,
        classify: &ErrorClassifier<E>,
        context: &mut Context<'_>,
        open: impl FnOnce(CircuitBreakerError) -> E,
    ) -> Poll<R>
    where
        R: Fallible<Error = E>,
    {
        let ok = matches!(&polled, Poll::Ready(result) if result.view().is_ok());
        if ok && (nesting::leave_plainly(inner) || nesting::leave_success(inner)) {
            self.0 = CallState::Over;
            return polled.map(rebuilt);
        }
        let mut slow = polled;
        self.end(&mut slow, *classify, context, open);
        slow
    }

    /// The same where the value in an `Ok` is classified too.
    #[inline]
    pub(crate) fn finish_with_value<R, E>(
        &mut self,
        inner: &'static Inner,
        polled: Poll<R>,
        classify_value: Option<ClassifyValue<R::Ok>>,
        classify: &ErrorClassifier<E>,
        context: &mut Context<'_>,
        open: impl FnOnce(CircuitBreakerError) -> E,
    ) -> Poll<R>
    where
        R: Fallible<Error = E>,
    {
        let classified = match (&polled, classify_value) {
            (Poll::Ready(result), Some(classify_value)) => result.view().ok().map(classify_value),
            _ => None,
        };
        if let Some((outcome @ (Outcome::Failure { .. } | Outcome::Ignored), view)) = classified {
            self.answered(outcome, Cause { kind: type_name::<R::Ok>(), view });
            return polled;
        }
        self.finish(inner, polled, classify, context, open)
    }

    /// Lets the body run, and puts the call on the stack. The first time it asks the breaker,
    /// usually with one load of the packed state. `None`: the breaker rejects the call.
    #[inline(never)]
    pub(crate) fn begin(&mut self) -> Option<&'static Inner> {
        let binding = if let CallState::NotStarted(callsite) = self.0 { callsite.known_in_process() } else { None };
        if let Some(binding) = binding.filter(|_| is_quiet()) {
            let inner = binding.shared;
            let packed = inner.gate.packed();
            if packed.is_plain() {
                if !nesting::is_outside() {
                    return self.begin_inside(binding, packed);
                }
                nesting::enter_alone(inner, packed);
                return Some(inner);
            }
            return self.look_closer(binding, packed);
        }
        self.begin_slowly()
    }

    /// Handles a packed state under which a success is more than a count, or the call is usually
    /// rejected.
    #[inline(never)]
    fn look_closer(&mut self, binding: &'static Binding, packed: PackedState) -> Option<&'static Inner> {
        if !nesting::is_outside() {
            return if packed.admits() { Self::begin_any(binding, packed.never()) } else { self.begin_slowly() };
        }
        if packed.admits() {
            nesting::enter_known(binding, packed);
            return Some(binding.shared);
        }
        self.reject_or_begin(binding, packed)
    }

    /// Admits a call whose start is recorded.
    #[inline(never)]
    fn begin_with_start(&mut self, binding: &'static Binding, packed: PackedState) -> Option<&'static Inner> {
        let Some((packed, started)) = binding.shared.begin_counted(packed) else { return self.begin_slowly() };
        nesting::enter_known_at(binding, packed, started);
        Some(binding.shared)
    }

    /// Rejects the call, if this packed state does.
    #[inline(never)]
    fn reject_or_begin(&mut self, binding: &'static Binding, packed: PackedState) -> Option<&'static Inner> {
        match binding.shared.reject_unobserved(packed) {
            Some(wait) => {
                self.0 = CallState::Rejected(Refused::rejected(binding, packed.code(), wait));
                None
            }
            None if packed.is_counted() => self.begin_with_start(binding, packed),
            None => self.begin_slowly(),
        }
    }

    /// The same as `begin` where there are enclosing calls, or where this thread has had no call so
    /// far.
    #[inline(never)]
    fn begin_inside(&mut self, binding: &'static Binding, packed: PackedState) -> Option<&'static Inner> {
        if nesting::enter_inside(binding, packed) {
            return Some(binding.shared);
        }
        Self::begin_any(binding, packed)
    }

    #[inline(never)]
    fn begin_any(binding: &'static Binding, packed: PackedState) -> Option<&'static Inner> {
        nesting::enter(binding.shared, packed, 0, Some(binding));
        Some(binding.shared)
    }

    #[inline(never)]
    fn begin_slowly(&mut self) -> Option<&'static Inner> {
        let mut held = match mem::replace(&mut self.0, CallState::Over) {
            CallState::Held(held) => held,
            CallState::NotStarted(callsite) => {
                let binding = callsite.found();
                match binding.breaker.admit(Caller::Callsite(binding)) {
                    Ok(permit) => {
                        let (packed, probe, started) = permit.parts();
                        let packed = if is_quiet() { packed } else { packed.with(PackedState::OBSERVED) };
                        Held { started, probe, ..Held::new(binding, packed) }
                    }
                    Err(rejected) => {
                        self.0 = CallState::Rejected(rejected.refused(binding));
                        return None;
                    }
                }
            }
            CallState::TimedOut(..) | CallState::Rejected(_) | CallState::Over => over(),
        };
        let binding = held.binding;
        held.runs = true;
        nesting::enter(&binding.breaker.0, held.packed.never(), held.probe, Some(binding));
        if held.packed.has(PackedState::STARTED) {
            nesting::record_start(held.started);
        }
        self.0 = CallState::Held(held);
        Some(binding.shared)
    }

    /// The result of a call that the breaker has rejected.
    #[inline(never)]
    pub(crate) fn rejected<R: Fallible>(&mut self, open: impl FnOnce(CircuitBreakerError) -> R::Error) -> Poll<R> {
        let CallState::Rejected(refused) = self.0 else { over() };
        self.0 = CallState::Over;
        Poll::Ready(R::from_error(open(refused.error())))
    }

    /// Whether the call has not ended, so that its drop has something to do.
    #[inline]
    pub(crate) fn is_left(&self) -> bool {
        !matches!(self.0, CallState::Over)
    }

    /// The body is dropped next. Until that is done, its inner calls find this call on the stack.
    #[cold]
    pub(crate) fn close(&mut self) {
        match &mut self.0 {
            // The body, or the classifier of its error, has panicked: the call is on the stack.
            CallState::NotStarted(_) | CallState::Held(Held { runs: true, .. }) => {
                self.leave(nesting::leave()).panicked();
            }
            CallState::Held(held) => {
                held.closes = true;
                nesting::close(&held.binding.breaker.0, held.packed, held.probe, Some(held.binding));
            }
            CallState::TimedOut(binding, closes) => {
                *closes = true;
                nesting::close(&binding.breaker.0, PackedState::NONE, 0, Some(binding));
            }
            _ => {}
        }
    }

    /// Ends a call that was dropped while it waited, or after its time limit.
    #[cold]
    fn abandon(&mut self) {
        match &self.0 {
            CallState::Held(held) if held.closes => drop(self.leave(nesting::leave())),
            CallState::TimedOut(_, true) => drop(nesting::leave()),
            _ => {}
        }
    }
}

impl Held {
    /// A call that was admitted by one load of the packed state, and that has just left the stack.
    fn of(callsite: &'static Callsite, packed: PackedState) -> Self {
        let mut held = Self::new(callsite.bound().unwrap_or_else(|| callsite.found()), packed.kept());
        if packed.has(PackedState::TIMED | PackedState::OBSERVED) {
            held.started = nesting::last_start();
        }
        held
    }

    const fn new(binding: &'static Binding, packed: PackedState) -> Self {
        let limit = ManuallyDrop::new(None);
        Self {
            binding,
            packed,
            started: Tick::ZERO,
            probe: 0,
            limit,
            runs: false,
            closes: false,
            inside: false,
            _niche: Niche::Taken,
        }
    }
}

impl Drop for Entry {
    /// Small, so that the drop of the future that holds it is small too. That drop is compiled
    /// wherever such a future is held.
    #[inline]
    fn drop(&mut self) {
        if self.is_left() {
            self.abandon();
        }
    }
}

#[cold]
fn over() -> ! {
    panic!("a call was polled after it had ended")
}
