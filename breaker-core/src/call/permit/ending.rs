//! Counts and reports a call that has ended, the cheapest path first.

use super::Permit;
use crate::breaker::cause::Cause;
use crate::breaker::inner::HotState;
use crate::breaker::pending_reports::{PendingReports, ReportScope};
use crate::breaker::report::{Cancelled, Failure, Ignored, PassedOn, ProbeFailed, Report, Success, is_quiet};
use crate::call::kept_failure::{Written, lengthen_streak};
use crate::call::nesting;
#[cfg(feature = "metrics")]
use crate::clock::nanos_of;
use crate::clock::{self, Tick};
use crate::machine::Machine;
use crate::machine::outcome::{Ending, Outcome};
use crate::machine::output::{Call, Counted, MaskedFailure, Settled};
use crate::machine::packed::{Evidence, PackedState};
use crate::machine::window::Added;
use crate::sync::Ordering;

use std::fmt;

impl Permit {
    /// Counts the ending, keeps the error of a failure that matters, and reports.
    #[inline(never)]
    pub(super) fn end<'e>(&mut self, ending: Ending, cause: &dyn Fn() -> Cause<'e>) {
        self.closed();
        if self.packed.has(PackedState::PASS | PackedState::HOLDS | PackedState::STARTED)
            && self.end_apart(ending, cause)
        {
            return;
        }
        let hot: &HotState = &self.breaker().0;
        let dropped = ending.is_drop();
        let outer = if dropped { nesting::dropped_with(hot) } else { None };
        if let Some(outer) = outer {
            // An enclosing call that has ended has reported its own result.
            return self.pass_on(outer.generation() != 0, "cancelled");
        }
        let (success, evidence) = (matches!(ending, Ending::Result(Outcome::Success)), self.evidence());
        if success && evidence == Evidence::NONE && (self.only_metered() || self.added_to_window()) {
            nesting::report_evidence(hot, Evidence::SUCCEEDED);
            return;
        }
        let failed = matches!(ending, Ending::Result(Outcome::Failure { .. }));
        if failed
            && evidence == Evidence::NONE
            && lengthen_streak(self.breaker(), self.owner.function(), self.packed, cause)
        {
            return;
        }
        let settled = self.settle_in_machine(ending, cause);
        let evidence = match settled.outcome {
            Counted::Success => Evidence::SUCCEEDED,
            Counted::Failure
                if matches!(settled.masked_failure, MaskedFailure::Counted | MaskedFailure::LimitReached) =>
            {
                Evidence::MASKED
            }
            Counted::Failure => Evidence::FAILED,
            _ if dropped => Evidence::REPORTED,
            _ => return,
        };
        if !dropped {
            nesting::report_evidence(hot, evidence);
        } else if self.is_inside() {
            nesting::report_dropped(hot, evidence);
        }
    }

    /// Ends a call that passed uncounted, or that holds a place. `false`: the call still has to be
    /// counted.
    #[inline(never)]
    fn end_apart<'e>(&mut self, ending: Ending, cause: &dyn Fn() -> Cause<'e>) -> bool {
        // This comes before listeners observe the end of the call.
        self.leave_place();
        self.leave_starts();
        if self.packed.has(PackedState::PASS) {
            if self.packed.has(PackedState::UNBOUND) {
                self.report_outcome(&Settled::PASSED_ON, cause);
            }
            return true;
        }
        let plain = matches!(ending, Ending::Result(Outcome::Success)) && self.nothing_happened();
        if plain {
            self.breaker().0.success();
            nesting::report_evidence(&self.breaker().0, Evidence::SUCCEEDED);
        }
        plain
    }

    /// Counts a success that changes nothing but a window, without the lock. `false`: the machine
    /// has to settle it.
    fn added_to_window(&self) -> bool {
        let inner = &self.breaker().0;
        if !self.packed.has(PackedState::WINDOW)
            || !self.changes_nothing_without(PackedState::WATCH | PackedState::OBSERVED | PackedState::PASS)
        {
            return false;
        }
        let Some(window) = inner.window.get() else { return false };
        let slow = window.slow_call_duration();
        let now = if slow.is_some() || window.is_timed() { clock::now() } else { Tick::ZERO };
        // A slow call can afford the lock.
        if slow.is_some_and(|limit| now.since(self.started.coarse(now)) > limit) {
            return false;
        }
        let added = match window.add_success(now) {
            Added::BucketExpired => inner.add_to_next_bucket(window, now),
            added => added,
        };
        inner.success();
        if added == Added::Tripped {
            self.breaker().change(|machine, now| ((), machine.review(self.packed.generation(), now)));
        }
        true
    }

    /// Counts a success that changes nothing and that only metrics observe. `false`: it is more
    /// than that.
    #[cfg(feature = "metrics")]
    fn only_metered(&self) -> bool {
        let plain = self.started != Tick::ZERO
            && self.changes_nothing_without(PackedState::WATCH | PackedState::PASS | PackedState::WINDOW);
        let Some(meter) = self.breaker().only_meter().filter(|_| plain) else { return false };
        self.breaker().0.success();
        meter.succeeded(self.breaker(), nanos_of(self.started.elapsed()));
        true
    }

    /// Without the feature `metrics`, nothing observes the call.
    #[cfg(not(feature = "metrics"))]
    fn only_metered(&self) -> bool {
        false
    }

    /// Settles an ending that is more than a count.
    fn settle_in_machine<'e>(&self, ending: Ending, cause: &dyn Fn() -> Cause<'e>) -> Settled {
        let (success, evidence) = (matches!(ending, Ending::Result(Outcome::Success)), self.evidence());
        let plain = success && evidence == Evidence::NONE;
        let nothing_to_settle = || {
            self.changes_nothing_without(PackedState::WATCH | PackedState::PASS | PackedState::WINDOW)
                || self.breaker().has_nothing_to_settle()
        };
        let probe = self.probe.load(Ordering::Relaxed);
        let (settled, pending) = if plain && nothing_to_settle() {
            (Settled::PLAIN, PendingReports::NOTHING)
        } else if success && probe == 0 && evidence.has(Evidence::REPORTED) && !self.is_of_interest() {
            (Settled::PASSED_ON, PendingReports::NOTHING)
        } else {
            self.settle_under_the_lock(ending, cause)
        };
        if settled.outcome == Counted::Success {
            self.breaker().0.success();
        }
        self.report_settled(&settled, pending, cause);
        self.warn(&settled);
        settled
    }

    /// Settles an ending, and keeps its error where that matters. It usually writes the text before
    /// it takes the lock, so that it takes the lock once.
    fn settle_under_the_lock<'e>(&self, ending: Ending, cause: &dyn Fn() -> Cause<'e>) -> (Settled, PendingReports) {
        let (breaker, dropped, evidence) = (self.breaker(), ending.is_drop(), self.evidence());
        let written = self.expects_to_keep(ending).then(|| Written::of(&cause()));
        let (settled, pending) = breaker.locked(|machine, now| {
            let settled = machine.settle(Call { evidence, ..self.call(now, dropped) }, ending, now);
            if let Some(written) = written.as_ref().filter(|_| settled.is_kept()) {
                written.keep(&breaker.0);
            }
            (settled, settled.change)
        });
        if written.is_none() && settled.is_kept() {
            let generation = settled.change.map_or(self.packed.generation(), |change| change.generation);
            Written::of(&cause()).keep_in(generation, breaker);
        }
        (settled, pending)
    }

    /// Whether the error of this ending is probably kept. It is the first one of a streak, or
    /// reaches the limit, or a window or a trial evaluates it.
    fn expects_to_keep(&self, ending: Ending) -> bool {
        let hot: &HotState = &self.breaker().0;
        let (packed, fails) =
            (hot.gate.packed(), matches!(ending, Ending::Result(Outcome::Failure { .. }) | Ending::Panicked));
        let evaluated =
            packed.has(PackedState::WINDOW | PackedState::ASK) || hot.gate.streak_is_at_an_end(&hot.beside_streak);
        fails && packed.generation() == self.packed.generation() && evaluated
    }

    /// Whether an uncounted success needs settling: a dropped inner call hides it, or it ends a
    /// streak of failures.
    fn is_of_interest(&self) -> bool {
        self.evidence() == Evidence::REPORTED || self.breaker().0.gate.packed().has(PackedState::WATCH)
    }

    fn call(&self, now: Tick, dropped: bool) -> Call {
        let (packed, started, probe) = (self.packed, self.started.coarse(now), self.probe.load(Ordering::Relaxed));
        let rejected =
            if probe == 0 && !dropped && !packed.has(PackedState::ASK) { 0 } else { self.breaker().0.rejections() };
        let around = nesting::evidence_around(&self.breaker().0);
        Call { packed, probe, started, evidence: self.evidence(), around, rejected }
    }

    /// Ends with the enclosing call, which reports both calls. This call only returns its slot.
    /// `in_vain`: the enclosing call has no result either.
    pub(super) fn pass_on(&self, in_vain: bool, kind: &'static str) {
        let mut settled = Settled::PASSED_ON;
        let probe = self.probe.load(Ordering::Relaxed);
        if probe != 0 && !nesting::return_slot(&self.breaker().0, self.packed, probe) {
            let give_back = |machine: &mut Machine, now| (machine.give_back(self.call(now, true), in_vain), None);
            let (widened, pending) = self.breaker().locked(give_back);
            self.breaker().report_pending(pending);
            settled.widened = widened;
        }
        self.report_outcome(&settled, &|| Cause::bare(kind));
        self.warn(&settled);
    }

    /// Warns about what only a person can fix.
    fn warn(&self, settled: &Settled) {
        #[cfg(feature = "tracing")]
        if let Some(widened) = settled.widened {
            crate::breaker::log::advice::widened(self.breaker(), self.owner.function(), widened);
        }
        #[cfg(feature = "tracing")]
        self.warn_of_masked_failures(settled);
        #[cfg(feature = "tracing")]
        if settled.hidden {
            crate::breaker::log::advice::hidden(
                self.breaker(),
                self.owner.function(),
                nesting::last_inside(self.breaker()),
            );
        }
        #[cfg(not(feature = "tracing"))]
        let _ = (settled.widened, settled.hidden);
    }

    /// Warns with one log line about failures that inner successes hide. Until then it records
    /// which function has succeeded inside the other.
    #[cfg(feature = "tracing")]
    fn warn_of_masked_failures(&self, settled: &Settled) {
        let own = self.owner.function();
        match (settled.masked_failure, settled.outcome) {
            (MaskedFailure::Success, Counted::Success) if nesting::is_inside(&self.breaker().0) => {
                crate::breaker::log::advice::keep_inner_success(
                    self.breaker(),
                    nesting::function_around(self.breaker()),
                    own,
                );
            }
            // The failure of a call without an inner success is attributed to the enclosing call.
            (MaskedFailure::LimitReached, _) if self.evidence().has(Evidence::SUCCEEDED) => {
                crate::breaker::log::advice::masked_failures(self.breaker(), own);
            }
            (MaskedFailure::LimitReached, _) => {
                crate::breaker::log::advice::masked_failures(self.breaker(), nesting::function_around(self.breaker()));
            }
            _ => {}
        }
    }

    /// Reports the call first, then the change that it made. Reports last what listeners have done
    /// in response to either.
    fn report_settled<'e>(&self, settled: &Settled, pending: PendingReports, cause: &dyn Fn() -> Cause<'e>) {
        let scope = (settled.failed_probes > 0 || pending.is_something()).then(ReportScope::begin);
        self.breaker().enqueue(pending);
        self.report_outcome(settled, cause);
        if settled.failed_probes > 0 {
            self.report_failed_probe(settled.failed_probes, cause);
        }
        drop(scope);
    }

    #[cold]
    fn report_failed_probe<'e>(&self, consecutive: u32, cause: &dyn Fn() -> Cause<'e>) {
        let (breaker, function, Cause { kind: error_type, view }) = (self.breaker(), self.owner.function(), cause());
        let error = view.has_text().then_some(&view as &dyn fmt::Display);
        let event = ProbeFailed { breaker, function, error_type, error, consecutive };
        breaker.report(Report::ProbeFailed(&event));
    }

    fn report_outcome<'e>(&self, settled: &Settled, cause: &dyn Fn() -> Cause<'e>) {
        let observed = self.breaker().0.gate.packed().has(PackedState::OBSERVED) || !is_quiet();
        // What the built-in listener logs above DEBUG: the first failure of a streak, and
        // consecutive dropped calls.
        let first = settled.outcome == Counted::Failure && settled.streak == 1;
        if !observed && !first && settled.outcome != Counted::Cancelled {
            return;
        }
        let (breaker, function) = (self.breaker(), self.owner.function());
        let has_start = self.started != Tick::ZERO;
        let elapsed = has_start.then(|| self.started.elapsed());
        match settled.outcome {
            Counted::Success => {
                let event = Success { breaker, function, elapsed };
                breaker.report(Report::Success(&event));
            }
            Counted::Ignored => {
                let event = Ignored { breaker, function, elapsed };
                breaker.report(Report::Ignored(&event));
            }
            Counted::Cancelled => {
                let event = Cancelled { breaker, function, consecutive: settled.drops };
                breaker.report(Report::Cancelled(&event));
            }
            Counted::PassedOn => {
                let event = PassedOn { breaker, function, elapsed };
                breaker.report(Report::PassedOn(&event));
            }
            Counted::Failure => {
                let Cause { kind: error_type, view } = cause();
                let error = view.has_text().then_some(&view as &dyn fmt::Display);
                let consecutive_failures = settled.streak;
                let event = Failure { breaker, function, elapsed, error_type, error, consecutive_failures };
                breaker.report(Report::Failure(&event));
            }
        }
    }
}
