//! Defines the permit of the usual call by a handle. The breaker outlives the call, so the call
//! borrows its permit.

use crate::breaker::caller::Owner;
use crate::breaker::cause::Cause;
use crate::breaker::classification::sealed::Classification;
use crate::breaker::error::CallError;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::HotState;
use crate::breaker::report::is_quiet;
use crate::call::kept_failure::lengthen_streak;
use crate::call::nesting::{self, Frame};
use crate::call::permit::Permit;
use crate::clock::Tick;
use crate::machine::outcome::Outcome;
use crate::machine::packed::{Evidence, PackedState};
use std::any::type_name;

/// A call by a handle that outlives the call. Its permit holds a reference count of the breaker.
/// The permit is created only for an ending that is more than a plain success.
pub(crate) struct BorrowedPermit<'b> {
    breaker: &'b CircuitBreaker,
    hot: &'b HotState,
    /// The packed state under which the call was admitted, with what its inner calls have reported.
    packed: PackedState,
    stage: Stage,
}

/// Whose code a classifier is. Calls in one of the user are inside its call.
pub(crate) trait Origin {
    const IS_USERS: bool;
}

/// It is a part of this crate.
pub(crate) struct Ours;
/// It is user code.
pub(crate) struct Users;

impl Origin for Ours {
    const IS_USERS: bool = false;
}

impl Origin for Users {
    const IS_USERS: bool = true;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// The body runs, or its result is being classified. A drop in this stage means a panic.
    Runs,
    Waits,
    /// The same, after the body has run inside a call of the same breaker.
    WaitsInside,
    /// The call is dropped while it waits. Its body is dropped first.
    Closes,
    ClosesInside,
    Over,
}

impl<'b> BorrowedPermit<'b> {
    /// `None`: the call needs more than one load of the packed state.
    #[inline]
    pub(crate) fn of(breaker: &'b CircuitBreaker) -> Option<Self> {
        let hot: &HotState = &breaker.0;
        let packed = hot.gate.packed();
        let at_once = packed.admits() && !packed.has(PackedState::LIMITED) && is_quiet();
        // Not `then_some`: a permit that is created is a call.
        at_once.then(|| Self { breaker, hot, packed, stage: Stage::Idle })
    }

    #[inline]
    pub(crate) fn guarded<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.stage = Stage::Runs;
        nesting::enter_slotless(self.hot, self.packed);
        let inside = Inside(self);
        let value = f();
        inside.0.stage = Stage::Idle;
        value
    }

    #[inline(always)]
    pub(crate) fn finish<T, E, C: Classification<E>, O: Origin>(
        &mut self,
        result: Result<T, E>,
        classify: impl FnOnce(&Result<T, E>) -> C,
    ) -> Result<T, CallError<E>> {
        let classified = if O::IS_USERS { self.guarded(|| classify(&result)) } else { classify(&result) };
        self.stage = Stage::Over;
        let outcome = classified.outcome();
        let success = result.is_ok() && matches!(outcome, Outcome::Success) && self.packed.is_plain();
        if success && self.hot.gate.load_relaxed() == self.packed && self.hot.end_streak(self.packed) {
            self.breaker.0.success_on_stripe();
            nesting::report_evidence(self.hot, Evidence::SUCCEEDED);
        } else if C::WORDED {
            self.settle_worded(&result, &classified);
        } else {
            self.settle(result.is_err(), outcome, type_name::<E>());
        }
        result.map_err(CallError::Inner)
    }

    /// Counts any other ending.
    #[inline(never)]
    fn settle(&mut self, is_error: bool, outcome: Outcome, kind: &'static str) {
        if outcome.is_failure() && self.lengthened_streak(&|| Cause::bare(kind)) {
            return;
        }
        self.permit().settle_result(is_error, outcome, || Cause::bare(kind));
    }

    /// The same where the classifier has a text for the error. A separate function, so that the
    /// address of a plain result is never taken.
    #[inline(never)]
    fn settle_worded<T, E>(&mut self, result: &Result<T, E>, classified: &impl Classification<E>) {
        let cause = || Cause { kind: type_name::<E>(), view: classified.view(result.as_ref().err()) };
        if classified.outcome().is_failure() && self.lengthened_streak(&cause) {
            return;
        }
        self.permit().settle_classified(result, classified);
    }

    #[inline]
    fn lengthened_streak<'e>(&self, cause: &dyn Fn() -> Cause<'e>) -> bool {
        let function = self.breaker.calling().map(|function| &*function.name);
        lengthen_streak(self.breaker, function, self.packed, cause)
    }

    fn permit(&mut self) -> Permit {
        self.stage = Stage::Over;
        Permit::new(Owner::Own(self.breaker.clone()), self.packed, 0, Tick::ZERO)
    }

    /// Marks that the body waits. A separate function, since few bodies wait.
    #[inline(never)]
    pub(crate) fn waits(&mut self) {
        let inside = nesting::is_inside(self.hot);
        self.stage = if inside { Stage::WaitsInside } else { Stage::Waits };
    }

    /// Prepares for the drop of the body while it waits.
    #[inline]
    pub(crate) fn close(&mut self) {
        // Most calls have ended already.
        if self.stage != Stage::Idle {
            self.close_waiting();
        }
    }

    #[inline(never)]
    fn close_waiting(&mut self) {
        self.stage = match self.stage {
            Stage::Waits => Stage::Closes,
            Stage::WaitsInside => Stage::ClosesInside,
            _ => return,
        };
        nesting::close(self.hot, self.packed, 0, None);
    }

    #[cold]
    fn abandon(&mut self) {
        let stage = self.stage;
        let inside = stage == Stage::ClosesInside;
        if inside || stage == Stage::Closes {
            self.packed = nesting::leave().packed.kept();
        }
        if inside {
            nesting::report_dropped(self.hot, self.packed.evidence());
        }
        let permit = self.permit().inside(inside);
        if stage == Stage::Runs {
            permit.panicked();
        }
    }

    /// Keeps what the stack recorded about the call.
    #[inline(never)]
    fn keep(&mut self, left: Frame) {
        self.packed = left.packed.kept();
        nesting::report_evidence(self.hot, self.packed.evidence());
    }
}

impl Drop for BorrowedPermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.stage != Stage::Over {
            self.abandon();
        }
    }
}

/// User code runs, and the call is on the stack.
struct Inside<'l, 'b>(&'l mut BorrowedPermit<'b>);

impl Drop for Inside<'_, '_> {
    /// Also when the code panics.
    #[inline]
    fn drop(&mut self) {
        if !nesting::leave_slotless(self.0.packed) {
            self.0.keep(nesting::leave());
        }
    }
}
