//! Runs and drops the call's own code, and has the call on the stack meanwhile.

use super::{CLOSES, IDLE, INSIDE, Permit, RUNS, RUNS_CLOSES, TIMED_OUT, TIMED_OUT_CLOSES, WAITS};
use crate::breaker::caller::{Binding, Owner};
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::call::nesting::{self, Frame};
use crate::machine::packed::PackedState;
use crate::sync::Ordering;

impl Permit {
    /// Runs user code as a part of the call. A drop of the permit then shows that the call itself
    /// panicked, and not unrelated code (rule 8). Inner calls of the same breaker are known as
    /// such.
    #[inline]
    pub(crate) fn guarded<R>(&self, f: impl FnOnce() -> R) -> R {
        let inside = self.enter();
        let value = f();
        inside.leave();
        self.stage.store(IDLE, Ordering::Relaxed);
        value
    }

    #[inline]
    fn enter(&self) -> Inside<'_> {
        self.stage.store(RUNS, Ordering::Relaxed);
        let own = if self.is_taken() { self.packed.without(PackedState::STARTED) } else { self.packed };
        let packed = own.with_evidence(self.evidence()).never();
        nesting::enter(&self.breaker().0, packed, self.probe.load(Ordering::Relaxed), self.binding());
        self.number();
        if packed.has(PackedState::STARTED) {
            nesting::record_start(self.started);
        }
        Inside { permit: self, packed }
    }

    /// The call's own code has panicked.
    pub(crate) fn panicked(self) {
        self.stage.store(RUNS, Ordering::Relaxed);
    }

    /// The body waits, so that it may be dropped before it ends.
    #[inline]
    pub(crate) fn waits(&self) {
        self.stage.store(WAITS, Ordering::Relaxed);
    }

    /// The call has exceeded its time limit. That is a failure, even if its body panics in its
    /// drop.
    #[inline]
    pub(crate) fn time_out(&self) {
        self.stage.store(TIMED_OUT, Ordering::Relaxed);
    }

    /// The body is dropped next, while it waits or because it has panicked. The inner calls are
    /// dropped with this call. Until that ends they find it on the stack.
    #[inline]
    pub(crate) fn close(&self) {
        let closes = match self.stage.load(Ordering::Relaxed) {
            WAITS => CLOSES,
            TIMED_OUT => TIMED_OUT_CLOSES,
            RUNS => RUNS_CLOSES,
            _ => return,
        };
        self.stage.store(closes, Ordering::Relaxed);
        let packed = self.packed.with_evidence(self.evidence());
        nesting::close(&self.breaker().0, packed, self.probe.load(Ordering::Relaxed), self.binding());
        self.number();
    }

    /// The function of the call, where the breaker is the function's own.
    #[inline]
    fn binding(&self) -> Option<&'static Binding> {
        if let Owner::Callsite(binding) = self.owner { Some(binding) } else { None }
    }

    /// Records the function of the call, where that uses keyed breakers.
    #[inline]
    fn number(&self) {
        if let Owner::Own(CircuitBreaker(Handle::KeyedBreaker(_, number))) = &self.owner {
            nesting::number(*number);
        }
    }

    /// Takes a closing call off the stack, once its body is dropped.
    pub(super) fn closed(&self) {
        let stage = self.stage.load(Ordering::Relaxed);
        if matches!(stage, CLOSES | TIMED_OUT_CLOSES | RUNS_CLOSES) {
            let was = match stage {
                CLOSES => WAITS,
                RUNS_CLOSES => RUNS,
                _ => TIMED_OUT,
            };
            self.stage.store(was, Ordering::Relaxed);
            self.keep(nesting::leave());
            if self.is_inside() {
                nesting::report_dropped(&self.breaker().0, self.evidence());
            }
        }
    }

    /// The same after its own code has run.
    #[inline(never)]
    fn keep_and_report(&self, left: Frame) {
        self.keep(left);
        if nesting::report_if_inside(&self.breaker().0, self.evidence()) {
            self.place.fetch_or(INSIDE, Ordering::Relaxed);
        }
    }
}

/// The call's own code runs, and the call is on the stack.
struct Inside<'p> {
    permit: &'p Permit,
    packed: PackedState,
}

impl Inside<'_> {
    #[inline]
    fn leave(self) {
        drop(self);
    }
}

impl Drop for Inside<'_> {
    /// Also when the code panics.
    #[inline]
    fn drop(&mut self) {
        if !nesting::leave_untouched(self.packed) {
            self.permit.keep_and_report(nesting::leave());
        }
    }
}
