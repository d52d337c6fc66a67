//! Records how a call ended: what it counts as, and what follows from it (rules 6 to 9).

use super::{Machine, Phase};
use crate::clock::Tick;
use crate::config::types::{OnCancel, OnPanic};
use crate::machine::half_open::Decision;
use crate::machine::outcome::{Ending, Outcome};
use crate::machine::output::{Call, Counted, MaskedFailure, Settled, Transition, Widened};
use crate::machine::packed::{Evidence, PackedState};
use crate::machine::streak_word::SharedStreak;
use crate::machine::trip::Trip;
use crate::machine::window::Mark;
use std::time::Duration;

impl Machine {
    /// Records how a call ended (rules 1, 2, 5 to 9).
    pub(crate) fn settle(&mut self, call: Call, ending: Ending, now: Tick) -> Settled {
        let classified = self.classify(call, ending, now);
        let outcome = self.excuse_drop(call, ending, not_yet_counted(call.evidence, classified));
        self.count(outcome, now);
        if !self.binds(call.packed) {
            return Settled::nothing(outcome);
        }
        let requested = match ending {
            Ending::Result(Outcome::Failure { retry_after }) => retry_after,
            _ => None,
        };
        let own_time = call.packed.has(PackedState::TIMED) && !call.evidence.has(Evidence::WITHIN);
        let took = own_time.then(|| now.since(call.started));
        let slow = self.settings.slow_call_duration.is_some_and(|limit| took.is_some_and(|took| took > limit));
        let widened = self.leave_slot(call, outcome);
        let probed = matches!(self.phase, Phase::HalfOpen(_)) && outcome == Counted::Failure;
        let change = self.decide(outcome, slow, requested, now);
        let widened = self.report_extra_slot(widened, change);
        let streak = change.map_or(self.streak.length(), |change| change.consecutive_failures);
        let may_trip_later = matches!(self.phase, Phase::HalfOpen(_)) || self.ruled_window().is_some();
        let masked_failure =
            if change.is_none() { self.masked_failure(call, classified, outcome, now) } else { MaskedFailure::None };
        let hidden = classified == Counted::Success && call.evidence == Evidence::REPORTED && self.hides();
        let failed_probes = if probed { self.failed_probes } else { 0 };
        Settled {
            outcome,
            streak,
            drops: self.drops,
            may_trip_later,
            change,
            widened,
            masked_failure,
            hidden,
            failed_probes,
        }
    }

    /// Whether the result of a call with this packed state decides anything (rule 7).
    fn binds(&self, packed: PackedState) -> bool {
        packed.generation() == self.generation && !packed.has(PackedState::UNBOUND)
    }

    /// Takes back the slot of a call that ends with the one around it. `in_vain`: the outer call
    /// has no result either. Returns the trial that has one more slot, if that is to be reported.
    pub(crate) fn give_back(&mut self, call: Call, in_vain: bool) -> Option<Widened> {
        let outcome = if in_vain { Counted::Cancelled } else { Counted::Success };
        let widened = self.binds(call.packed) && self.leave_slot(call, outcome);
        self.report_extra_slot(widened, None)
    }

    /// The trial that has one more slot, if that is to be reported: once until the breaker closes.
    fn report_extra_slot(&mut self, widened: bool, change: Option<Transition>) -> Option<Widened> {
        let next = change.is_some_and(|change| change.trip.is_some()) && self.lacking > 0;
        let trial = if widened { Widened::This } else { Widened::Next };
        let report = (widened || next) && !self.extra_slot_reported;
        self.extra_slot_reported |= report;
        report.then_some(trial)
    }

    /// Frees a probe's slot (rule 6). Returns whether the trial has one more slot.
    fn leave_slot(&mut self, call: Call, outcome: Counted) -> bool {
        let rejected_in_all = self.rejected_in_all(call.rejected);
        let Phase::HalfOpen(trial) = &mut self.phase else { return false };
        if outcome == Counted::Failure {
            trial.failed(call.probe, rejected_in_all);
        }
        let in_vain = !matches!(outcome, Counted::Success | Counted::Failure);
        trial.give_back(call.probe, in_vain.then_some(rejected_in_all))
    }

    /// Replaces the failure of some dropped calls by a cancellation, where each drop is a failure.
    /// A call may be dropped because others were rejected, as by a `try_join!`. On trial and during
    /// a ramp it has no result then. A call that is dropped after the time of `on_cancel` remains a
    /// failure.
    fn excuse_drop(&mut self, call: Call, ending: Ending, outcome: Counted) -> Counted {
        let dropped = ending.is_drop();
        let each_fails = self.settings.on_cancel == OnCancel::Failure;
        if !dropped || !each_fails || outcome != Counted::Failure || !self.binds(call.packed) {
            return outcome;
        }
        let rejected_in_all = self.rejected_in_all(call.rejected);
        let excused = match &mut self.phase {
            Phase::HalfOpen(trial) => trial.excuses_drop(call.probe, rejected_in_all),
            Phase::Closed { ramp: Some(ramp), .. } => ramp.excuses_drop(),
            _ => false,
        };
        if excused { not_yet_counted(call.evidence, Counted::Cancelled) } else { outcome }
    }

    /// How many calls were rejected so far; in shadow, how many would have been rejected.
    pub(super) fn rejected_in_all(&self, rejected: u64) -> u64 {
        rejected.saturating_add(self.counts.shadow_rejected)
    }

    /// Counts a success that the drop of an inner call hides. Returns whether the hidden successes
    /// reach the number that closes the breaker.
    fn hides(&mut self) -> bool {
        match &mut self.phase {
            Phase::HalfOpen(trial) => trial.hides(&self.settings),
            _ => false,
        }
    }

    /// Records a call that fails after a success inside it. That success ends the failure streak,
    /// so any number of such calls may fail without opening the breaker. An outermost call that
    /// succeeds ends their streak, and `fail_window` does too.
    fn masked_failure(&mut self, call: Call, classified: Counted, outcome: Counted, now: Tick) -> MaskedFailure {
        let after_success = |evidence: Evidence| evidence.has(Evidence::SUCCEEDED) && !evidence.has(Evidence::MASKED);
        let fails = match call.around {
            None => classified == Counted::Failure && after_success(call.evidence),
            Some(around) => outcome == Counted::Failure && (after_success(call.evidence) || after_success(around)),
        };
        if fails {
            let length = self.masked_failures.failed(now, self.settings.fail_window);
            let report = self.settings.fail_max.is_some_and(|most| length >= most) && !self.masked_failures_reported;
            self.masked_failures_reported |= report;
            return if report { MaskedFailure::LimitReached } else { MaskedFailure::Counted };
        }
        let succeeds = classified == Counted::Success && !call.evidence.has(Evidence::MASKED);
        if call.around.is_none() && succeeds {
            self.masked_failures.clear();
        }
        if succeeds && self.masked_failures.length() > 0 { MaskedFailure::Success } else { MaskedFailure::None }
    }

    /// Takes over what calls have made of the streak without the lock.
    pub(crate) fn read_streak(&mut self, shared: SharedStreak) {
        let word = shared.word;
        self.uncounted_failures = word.uncounted();
        if shared.last != self.published_last {
            self.last_failure = shared.last;
        }
        if !word.is_empty() {
            let length = self.kept_failures.saturating_add(word.failures());
            self.streak.continue_as(length, shared.first, word.last(shared.last));
        } else if self.kept_failures == 0 {
            self.streak.clear();
        }
    }

    pub(super) fn next_streak_tag(&mut self) {
        self.streak_tag = self.streak_tag.wrapping_add(1);
    }

    /// Takes the streak's word from the gate with `take`, which replaces it by one of this tag that
    /// no call changes. The next [`publish`](Self::publish) returns another word for the gate.
    pub(crate) fn take_streak(&mut self, take: impl FnOnce(u8) -> SharedStreak) {
        self.next_streak_tag();
        self.read_streak(take(self.streak_tag));
        self.counts.failures += std::mem::take(&mut self.uncounted_failures);
    }

    /// Checks the rules after a success that was added to the window without the lock.
    pub(crate) fn review(&mut self, generation: u64, now: Tick) -> Option<Transition> {
        if generation != self.generation || !matches!(self.phase, Phase::Closed { .. }) {
            return None;
        }
        let window = self.ruled_window()?;
        window.rotate(now);
        window.evaluate().map(|trip| self.open(trip, None, now))
    }

    /// Checks the rules after `slow` calls in flight seemed to make the slow rule hold.
    pub(crate) fn review_under_way(&mut self, generation: u64, slow: u64, now: Tick) -> Option<Transition> {
        if generation != self.generation || !matches!(self.phase, Phase::Closed { .. }) {
            return None;
        }
        let window = self.ruled_window()?;
        window.rotate(now);
        window.evaluate_with(slow, now).map(|trip| self.open(trip, None, now))
    }

    /// What an ending counts as (rules 8 and 9).
    fn classify(&self, call: Call, ending: Ending, now: Tick) -> Counted {
        let failure_if = |failed: bool, or: Counted| if failed { Counted::Failure } else { or };
        match ending {
            Ending::Result(Outcome::Success) => Counted::Success,
            Ending::Result(Outcome::Ignored) => Counted::Ignored,
            Ending::Result(Outcome::Failure { .. }) => Counted::Failure,
            Ending::Panicked => failure_if(self.settings.on_panic == OnPanic::Failure, Counted::Ignored),
            Ending::Dropped { took } => match self.settings.on_cancel {
                OnCancel::Ignore => Counted::Cancelled,
                OnCancel::Failure => Counted::Failure,
                OnCancel::After(limit) => {
                    let timed = call.packed.has(PackedState::TIMED);
                    failure_if(timed && took.unwrap_or(now.since(call.started)) >= limit, Counted::Cancelled)
                }
            },
            Ending::Left { waited } => match (self.settings.on_cancel, waited) {
                (OnCancel::Failure, Some(_)) => Counted::Failure,
                (OnCancel::After(limit), Some(waited)) => failure_if(waited >= limit, Counted::Success),
                _ => Counted::Success,
            },
        }
    }

    fn count(&mut self, outcome: Counted, now: Tick) {
        match outcome {
            Counted::Success | Counted::PassedOn => {}
            Counted::Failure => {
                self.counts.failures += 1;
                self.last_failure = now;
            }
            Counted::Ignored => self.counts.ignored += 1,
            Counted::Cancelled => self.counts.cancelled += 1,
        }
    }

    fn decide(&mut self, outcome: Counted, slow: bool, requested: Option<Duration>, now: Tick) -> Option<Transition> {
        self.drops = match outcome {
            Counted::Cancelled => self.drops.saturating_add(1),
            Counted::PassedOn => self.drops,
            _ => 0,
        };
        let mark = Mark { failed: outcome == Counted::Failure, slow };
        let counts = matches!(outcome, Counted::Success | Counted::Failure);
        match &mut self.phase {
            // A dropped call has no result, but its duration is known if it was slow.
            Phase::Closed { .. } if counts || (slow && outcome == Counted::Cancelled) => {
                self.closed_call(outcome, mark, now).map(|trip| self.open(trip, requested, now))
            }
            Phase::HalfOpen(trial) if counts => {
                trial.add(mark);
                let decision = trial.decide_trial(&self.settings);
                if mark.failed {
                    self.streak.failed(now, None);
                    self.failed_probes = self.failed_probes.saturating_add(1);
                } else {
                    self.streak.clear();
                    self.failed_probes = 0;
                }
                match decision? {
                    Decision::Close => Some(self.close(now)),
                    Decision::Open(trip) => Some(self.open(trip, requested, now)),
                }
            }
            _ => None,
        }
    }

    /// Updates the rules with a call, and returns the one that holds now (rule 2).
    fn closed_call(&mut self, outcome: Counted, mark: Mark, now: Tick) -> Option<Trip> {
        if outcome == Counted::Success {
            self.streak.clear();
        }
        if mark.failed {
            self.streak.failed(now, self.settings.fail_window);
        }
        if mark.failed || mark.slow {
            self.last_failed_or_slow = now;
        }
        let window = self.ruled_window();
        if let Some(window) = window {
            window.add(mark, now);
        }
        if mark.failed && self.settings.fail_max.is_some_and(|most| self.streak.length() >= most) {
            return Some(Trip::FailureStreak { length: self.streak.length(), span: self.streak.span() });
        }
        window?.evaluate()
    }
}

/// What remains to be counted of a call after the reports of the calls inside it (rule 5). A
/// failure remains unless one of them counted a failure, returned an error or was rejected. Any
/// other result remains unless one of them was counted, rejected or dropped.
fn not_yet_counted(evidence: Evidence, outcome: Counted) -> Counted {
    let covers = if outcome == Counted::Failure { Evidence::FAILED } else { Evidence::REPORTED };
    if evidence.has(covers) { Counted::PassedOn } else { outcome }
}
