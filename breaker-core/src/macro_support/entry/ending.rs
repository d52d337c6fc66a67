//! Ends a call of an annotated async function: its result, its time limit, or its next wait.

use super::{CallState, Entry, ErrorClassifier, Held, over};
use crate::breaker::caller::Owner;
use crate::breaker::cause::Cause;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_view::ErrorView;
use crate::breaker::report::is_quiet;
use crate::call::by_handle::{TimedOut, settle_timed_out};
use crate::call::counted;
use crate::call::kept_failure::note_first;
use crate::call::nesting::{self, Frame};
use crate::call::permit::Permit;
use crate::call::result::Fallible;
use crate::call::timeout;
use crate::machine::outcome::Outcome;
use crate::machine::packed::PackedState;
use std::any::type_name;
use std::mem::{self, ManuallyDrop};
use std::task::{Context, Poll};

impl Entry {
    /// Handles more than a plain success: any other ending, or a body that waits. Compiled once for
    /// each type of a result, so it only finds out which one it is.
    #[inline(never)]
    pub(super) fn end<R, E>(
        &mut self,
        polled: &mut Poll<R>,
        classify: ErrorClassifier<E>,
        context: &mut Context<'_>,
        open: impl FnOnce(CircuitBreakerError) -> E,
    ) where
        R: Fallible<Error = E>,
    {
        match &*polled {
            Poll::Ready(result) => match result.view() {
                Ok(_) => self.succeeded(),
                Err(error) => self.erred(error, classify),
            },
            Poll::Pending => {
                if let Some(timed_out) = self.wait(context, open) {
                    // There is nothing to drop in the wait that this replaces.
                    let _ = ManuallyDrop::new(mem::replace(polled, Poll::Ready(R::from_error(timed_out))));
                }
            }
        }
    }

    /// Handles an error. It is compiled once for each type of an error.
    #[inline(never)]
    fn erred<E>(&mut self, error: &E, classify: ErrorClassifier<E>) {
        let (kind, classified) = (type_name::<E>(), classify(error));
        // A copy of the view would wait for the stores of the classifier.
        if !(classified.0.is_failure() && self.lengthened_streak(kind, &classified.1)) {
            let (outcome, view) = classified;
            self.failed(nesting::leave(), outcome, Cause { kind, view });
        }
    }

    /// Handles a success that is more than a plain one.
    #[inline(never)]
    fn succeeded(&mut self) {
        if self.is_counted() && counted::end() {
            self.0 = CallState::Over;
            return;
        }
        self.leave(nesting::leave()).record(Outcome::Success);
    }

    /// Whether a success of the call may only be counted in a window, or by a meter. A call that
    /// has waited has a start and a time limit of its own.
    #[inline]
    fn is_counted(&self) -> bool {
        let packed = nesting::packed();
        packed.is_counted() && packed.is_never() && matches!(self.0, CallState::NotStarted(_))
    }

    /// Counts a failure that only makes the streak longer. `false`: it is more than that.
    #[inline]
    fn lengthened_streak(&mut self, kind: &'static str, view: &ErrorView<'_>) -> bool {
        let CallState::NotStarted(callsite) = self.0 else { return false };
        let Some(binding) = callsite.bound().filter(|_| is_quiet()) else { return false };
        let packed = nesting::packed().real();
        let Some(lengthened) = binding.shared.lengthen_streak(packed) else { return false };
        // The call has no marks, so there is no enclosing call.
        nesting::leave_alone();
        self.0 = CallState::Over;
        note_first(&binding.breaker, Some(&binding.function.name), packed, lengthened, &|| Cause { kind, view: *view });
        true
    }

    #[cold]
    fn failed(&mut self, left: Frame, outcome: Outcome, cause: Cause<'_>) {
        self.leave(left).settle_result(true, outcome, || cause);
    }

    /// A value in an `Ok` that is no success.
    #[cold]
    pub(super) fn answered(&mut self, outcome: Outcome, cause: Cause<'_>) {
        self.leave(nesting::leave()).settle_with(outcome, || cause);
    }

    /// The body waits. Returns an error when the call has exceeded its time limit.
    #[inline(never)]
    fn wait<E>(&mut self, context: &mut Context<'_>, open: impl FnOnce(CircuitBreakerError) -> E) -> Option<E> {
        self.look_at_limit(context).map(open)
    }

    /// The same with the rejection of which that error is made.
    #[inline(never)]
    fn look_at_limit(&mut self, context: &mut Context<'_>) -> Option<CircuitBreakerError> {
        let left = nesting::leave();
        if let CallState::NotStarted(callsite) = self.0 {
            self.0 = CallState::Held(Held::of(callsite, left.packed));
        }
        let CallState::Held(held) = &mut self.0 else { over() };
        (held.packed, held.probe, held.runs) = (left.packed.kept(), left.probe, false);
        held.inside |= nesting::report_if_inside(&held.binding.breaker.0, held.packed.evidence());
        if !held.packed.has(PackedState::LIMITED) {
            return None;
        }
        match timeout::wait(&mut held.limit, &Owner::Callsite(held.binding), context) {
            Poll::Ready(after) => {
                let binding = held.binding;
                let timed_out = settle_timed_out(self.leave(left), TimedOut { after });
                self.0 = CallState::TimedOut(binding, false);
                Some(timed_out)
            }
            Poll::Pending => None,
        }
    }

    /// Ends the call, and returns its permit.
    pub(super) fn leave(&mut self, left: Frame) -> Permit {
        let (packed, probe) = (left.packed.kept(), left.probe);
        let held = match mem::replace(&mut self.0, CallState::Over) {
            CallState::NotStarted(callsite) => Held::of(callsite, packed),
            CallState::Held(held) => held,
            CallState::TimedOut(..) | CallState::Rejected(_) | CallState::Over => over(),
        };
        let Held { binding, started, limit, closes, inside, .. } = held;
        let _timer = ManuallyDrop::into_inner(limit);
        if !closes {
            nesting::report_evidence(&binding.breaker.0, packed.evidence());
        } else if inside {
            nesting::report_dropped(&binding.breaker.0, packed.evidence());
        }
        Permit::new(Owner::Callsite(binding), packed, probe, started).inside(inside)
    }
}
