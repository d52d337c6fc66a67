//! The machine: every state and every transition, as plain data. It holds no lock, clock or callback: the present
//! comes in as an argument, a [`Change`] goes out, and the shell tells the listeners when it has let go.
//!
//! The rules, each with the function that keeps it. Each has tests of its name in `tests/tests/rules.rs`.
//!
//! 1. Closed: calls pass (`ask`). A success clears the run of failures (`decide`). Reading the state changes nothing
//!    (`state`).
//! 2. It opens when a run reaches `fail_max`, or when a rule over the window holds after any call (`closed_call`; `review` for successes
//!    that were added to the window without the lock, `review_under_way` for slow calls that have not ended). The tripping call returns its own error: the shell gives every result back as it is.
//! 3. Open: the call is rejected before its body is polled, with the time left (`rejected`).
//! 4. At the end of its open time (`reopens`) it is half-open: `state` says so at once, `ask` makes it so when the first probe comes, and the
//!    change is told then. No timer or task is needed; where one watches, `lapse` does the same without a probe.
//! 5. Half-open: at most `half_open_max_calls` probes hold a slot (`Trial::take`); `success_threshold` successes close it, one
//!    counted failure opens it again, unless its trial has failures to spare (`Trial::verdict`). A probe slower than `slow_call` is no
//!    success there; with `probe_failure_rate` it is for `slow_rate` to judge. Being rejected is as cheap as when
//!    open (`publish`). A call inside a call of the same breaker goes in with it and is not asked (`nesting::go_along`): the first one inside a
//!    probe takes over its slot, and all vote. The innermost result counts, once (`tells`). After closing a ramp may let in a share of the calls only (`ask_closed`).
//! 6. A cancelled or neutral probe gives its slot back (`decide`); one that outlives `probe_timeout` loses it (`Trial::take`), but
//!    decides if its generation still stands. Where calls were rejected meanwhile for want of a place, the trial gets one place more, so
//!    that no trial sticks (`Trial::give_back`), and a drop is no failure (`spare`); nor is one during a ramp that has rejected calls.
//!    Where a call failed and a few others were rejected, the next trial gets the place (`Trial::lacking`).
//! 7. A result of an earlier generation is counted (`count`) and decides nothing (`settle`). `shift` starts generations.
//! 8. A panic of the call's own poll is an ending of its own (`judge`); the permit tells it from a drop.
//! 9. A dropped call is neutral unless `on_cancel` says otherwise (`judge`); `drops` counts those in a row. A stream that is dropped after
//!    an item is a success, unless its reader has waited for another one for as long as `on_cancel` says.
//! 10. Listeners are told by the shell, from the [`Change`] that comes out, when it has let go of the lock.
//! 11. The present is an argument, so that tests can be in virtual time.
//! 12. Manual states last until `release` or `reset` (`set_manual`, `reset`); the settings may ask for one too (`mode`).
//! 13. Other settings leave the state as it is, and the counts where they still mean the same (`reconfigure`, `arrange`).

pub(crate) mod backoff;
pub(crate) mod half_open;
mod manual;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod packed;
pub(crate) mod ramp;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod trip;
mod view;
pub(crate) mod window;

use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::config::types::{OnCancel, OnPanic};
use crate::machine::backoff::{Opening, Pace};
use crate::machine::half_open::{Trial, Verdict};
use crate::machine::outcome::{Ending, Outcome};
use crate::machine::output::{Admission, Call, Change, Counted, Counts, Eclipse, Settled, Widened};
use crate::machine::packed::{Evidence, Wait, Word};
use crate::machine::ramp::Ramp;
use crate::machine::state::State;
use crate::machine::trip::{Run, Trip};
use crate::machine::window::{Mark, SlidingWindow};
use crate::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Machine {
    /// Shared with others that have the same, as most of a family do.
    settings: Arc<Settings>,
    manual: Option<Manual>,
    phase: Phase,
    /// Counts the changes, from 1. A result of an earlier generation decides nothing (rule 7).
    generation: u64,
    since: Tick,
    run: Run,
    /// The setting `fail_window` as the clock counts: nanoseconds; `u64::MAX` where it is off.
    longest_gap: u64,
    /// The setting `fail_max`; `u32::MAX` where it is off.
    longest_run: u32,
    /// Made when a rule first needs one.
    window: Option<Arc<SlidingWindow>>,
    pace: Pace,
    /// Places that the next trial gets beyond those of the settings, since calls of the last one may have failed for want of them (rule 6).
    lacking: u32,
    /// That a trial has a place more was told in this outage.
    told_of_places: bool,
    /// Probes that failed since one succeeded, over all openings of this outage.
    failed_probes: u32,
    /// Calls dropped since the last result (rule 9).
    drops: u32,
    /// Questions in a row that failed after a success inside them, and whether that was told since the last reset.
    eclipsed: Run,
    eclipse_told: bool,
    trip: Option<Trip>,
    counts: Counts,
    /// Zero: there was none.
    last_failure: Tick,
    /// The last failure or slow call that was added to the window.
    last_bad: Tick,
}

/// Where the automatic part is. Under `Manual::Shadow` it goes on, and only tells.
#[derive(Debug)]
enum Phase {
    Closed { since: Tick, ramp: Option<Ramp> },
    Open(Opening),
    HalfOpen(Trial),
}

/// A state that lasts until `release` or `reset` (rule 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manual {
    ForcedOpen { until: Tick },
    Disabled,
    Shadow,
}

impl Machine {
    /// `seed` is all the chance that there is in it (jitter).
    pub(crate) fn new(settings: Arc<Settings>, seed: u64, now: Tick) -> Self {
        Self::blank(settings, seed, 1, now)
    }

    /// One that has only been reset since it was new, if anything: closed, or disabled by its settings, `since` then, with nothing counted.
    pub(crate) fn blank(settings: Arc<Settings>, seed: u64, generation: u64, since: Tick) -> Self {
        let mut machine = Self {
            settings,
            manual: None,
            phase: Phase::Closed { since, ramp: None },
            generation,
            since,
            run: Run::new(),
            longest_gap: u64::MAX,
            longest_run: u32::MAX,
            window: None,
            pace: Pace::new(seed),
            lacking: 0,
            told_of_places: false,
            failed_probes: 0,
            drops: 0,
            eclipsed: Run::new(),
            eclipse_told: false,
            trip: None,
            counts: Counts::default(),
            last_failure: Tick::ZERO,
            last_bad: Tick::ZERO,
        };
        machine.arrange();
        machine
    }

    /// Asks for a call to be let in (rules 1, 3, 4, 5).
    pub(crate) fn admit(&mut self, now: Tick) -> (Admission, Option<Change>) {
        let expired = self.expire(now);
        let (admission, change) = match self.mode() {
            Some(Manual::ForcedOpen { .. }) => (self.rejected(now), None),
            Some(Manual::Disabled) => (Admission::Admitted { probe: 0 }, None),
            Some(Manual::Shadow) => self.ask_in_shadow(now),
            None => self.ask(now),
        };
        (admission, expired.or(change))
    }

    fn ask(&mut self, now: Tick) -> (Admission, Option<Change>) {
        let change = self.end_open_time(now);
        let admission = match &mut self.phase {
            Phase::Closed { .. } => self.ask_closed(now),
            Phase::Open(_) => self.rejected(now),
            Phase::HalfOpen(trial) => match trial.take(now, &self.settings) {
                Some(probe) => Admission::Admitted { probe },
                None => self.rejected(now),
            },
        };
        (admission, change)
    }

    /// Begins the trial after an open time that is over. It has been half-open since then.
    fn end_open_time(&mut self, now: Tick) -> Option<Change> {
        self.lapsed(now).map(|end| self.enter(Phase::HalfOpen(Trial::with_more(self.lacking)), end))
    }

    /// Closed lets everybody in, but for a share of the calls during its ramp.
    fn ask_closed(&mut self, now: Tick) -> Admission {
        let Phase::Closed { ramp, .. } = &mut self.phase else { return self.rejected(now) };
        if let (Some(running), Some(length)) = (&mut *ramp, self.settings.ramp) {
            match running.admit(now, length) {
                Some(true) => return Admission::Admitted { probe: 0 },
                Some(false) => {
                    let wait = Wait::span(running.left(now, length).min(Duration::from_secs(1)));
                    return Admission::Rejected { state: State::Closed, wait };
                }
                None => {}
            }
        }
        *ramp = None;
        Admission::Admitted { probe: 0 }
    }

    fn ask_in_shadow(&mut self, now: Tick) -> (Admission, Option<Change>) {
        let (admission, change) = self.ask(now);
        let Admission::Rejected { state, wait } = admission else { return (admission, change) };
        self.counts.shadow_rejected += 1;
        (Admission::ShadowRejected { state, wait }, change)
    }

    /// In shadow: the rejection that would have been.
    fn rejected(&self, now: Tick) -> Admission {
        let forced = match self.mode() {
            Some(Manual::ForcedOpen { until }) => Some(until),
            _ => None,
        };
        let state = if forced.is_some() { State::ForcedOpen } else { self.phase_state() };
        let until = forced.or_else(|| self.phase_shut_until()).unwrap_or(now);
        Admission::Rejected { state, wait: Wait::until(until, now) }
    }

    /// Takes in how a call ended that was admitted under `word` (rules 1, 2, 5 to 9).
    pub(crate) fn settle(&mut self, call: Call, ending: Ending, now: Tick) -> Settled {
        let judged = self.judge(call, ending, now);
        let outcome = self.spare(call, ending, tells(call.evidence, judged));
        self.count(outcome, now);
        if !self.binds(call.word) {
            return Settled::nothing(outcome);
        }
        let asked = match ending {
            Ending::Result(Outcome::Failure { retry_after }) => retry_after,
            _ => None,
        };
        let own_time = call.word.has(Word::TIMED) && !call.evidence.has(Evidence::WITHIN);
        let took = own_time.then(|| now.since(call.started));
        let slow = self.settings.slow_call.is_some_and(|limit| took.is_some_and(|took| took > limit));
        let widened = self.leave_slot(call, outcome);
        let probed = matches!(self.phase, Phase::HalfOpen(_)) && outcome == Counted::Failure;
        let change = self.decide(outcome, slow, asked, now);
        let widened = self.tell_of_places(widened, change);
        let run = change.map_or(self.run.length(), |change| change.consecutive_failures);
        let lingers = matches!(self.phase, Phase::HalfOpen(_)) || self.ruled_window().is_some();
        let eclipse = if change.is_none() { self.eclipse(call, judged, outcome, now) } else { Eclipse::None };
        let hidden = judged == Counted::Success && call.evidence == Evidence::TOLD && self.hides();
        let failed_probes = if probed { self.failed_probes } else { 0 };
        Settled { outcome, run, drops: self.drops, lingers, change, widened, eclipse, hidden, failed_probes }
    }

    /// Whether the result of a call under this word decides anything (rule 7).
    fn binds(&self, word: Word) -> bool {
        word.generation() == self.generation && !word.has(Word::UNBOUND)
    }

    /// Takes back the slot of a call that ends with the one around it, which has no result either if that was in vain. Gives whether the trial has
    /// one place more.
    pub(crate) fn give_back(&mut self, call: Call, in_vain: bool) -> Option<Widened> {
        let outcome = if in_vain { Counted::Cancelled } else { Counted::Success };
        let widened = self.binds(call.word) && self.leave_slot(call, outcome);
        self.tell_of_places(widened, None)
    }

    /// Which trial has one place more, if one has and that is to be told: once until it closes.
    fn tell_of_places(&mut self, widened: bool, change: Option<Change>) -> Option<Widened> {
        let next = change.is_some_and(|change| change.trip.is_some()) && self.lacking > 0;
        let places = if widened { Widened::This } else { Widened::Next };
        let tell = (widened || next) && !self.told_of_places;
        self.told_of_places |= tell;
        tell.then_some(places)
    }

    /// A probe's slot is free (rule 6). Gives whether the trial has one place more.
    fn leave_slot(&mut self, call: Call, outcome: Counted) -> bool {
        let turned_away = self.turned_away(call.rejected);
        let Phase::HalfOpen(trial) = &mut self.phase else { return false };
        if outcome == Counted::Failure {
            trial.failed(call.probe, turned_away);
        }
        let in_vain = !matches!(outcome, Counted::Success | Counted::Failure);
        trial.give_back(call.probe, in_vain.then_some(turned_away))
    }

    /// A call that is dropped while others were rejected may be dropped for that, as by a `try_join!`: on trial and during a ramp it has no result
    /// then, where each drop is a failure. One that is dropped after the time that `on_cancel` gives has hung.
    fn spare(&mut self, call: Call, ending: Ending, outcome: Counted) -> Counted {
        let dropped = ending.is_drop();
        let each_fails = self.settings.on_cancel == OnCancel::Failure;
        if !dropped || !each_fails || outcome != Counted::Failure || !self.binds(call.word) {
            return outcome;
        }
        let turned_away = self.turned_away(call.rejected);
        let spared = match &mut self.phase {
            Phase::HalfOpen(trial) => trial.spares(call.probe, turned_away),
            Phase::Closed { ramp: Some(ramp), .. } => ramp.spares(),
            _ => false,
        };
        if spared { tells(call.evidence, Counted::Cancelled) } else { outcome }
    }

    /// How many calls were rejected so far, or would have been, if so many were.
    fn turned_away(&self, rejected: u64) -> u64 {
        rejected.saturating_add(self.counts.shadow_rejected)
    }

    /// Whether this success, which a call inside that was dropped hides, makes as many as would have closed the breaker.
    fn hides(&mut self) -> bool {
        match &mut self.phase {
            Phase::HalfOpen(trial) => trial.hides(&self.settings),
            _ => false,
        }
    }

    /// Notes a question that fails after a success inside it, which ends the run: there may be as many as would open the breaker, were those
    /// successes not. A question that succeeds ends their run; `fail_window` does too.
    fn eclipse(&mut self, call: Call, judged: Counted, outcome: Counted, now: Tick) -> Eclipse {
        let after_success = |told: Evidence| told.has(Evidence::ANSWERED) && !told.has(Evidence::ECLIPSED);
        let fails = match call.around {
            None => judged == Counted::Failure && after_success(call.evidence),
            Some(around) => outcome == Counted::Failure && (after_success(call.evidence) || after_success(around)),
        };
        if fails {
            let length = self.eclipsed.failed(now, self.settings.fail_window);
            let tell = self.settings.fail_max.is_some_and(|most| length >= most) && !self.eclipse_told;
            self.eclipse_told |= tell;
            return if tell { Eclipse::Tells } else { Eclipse::Hides };
        }
        let succeeds = judged == Counted::Success && !call.evidence.has(Evidence::ECLIPSED);
        if call.around.is_none() && succeeds {
            self.eclipsed.clear();
        }
        if succeeds && self.eclipsed.length() > 0 { Eclipse::Answers } else { Eclipse::None }
    }

    /// Takes in a failure of a call whose word still stands and [has only a run](Word::has_only_a_run), if that gets longer and stays
    /// below its limit: then neither the gate nor a note has anything to learn from it. `false`: it is for `settle`.
    #[inline]
    pub(crate) fn failed_again(&mut self, now: Tick) -> bool {
        let again = self.run.lengthen(now, self.longest_gap, self.longest_run);
        if again {
            self.drops = 0;
            self.count(Counted::Failure, now);
        }
        again
    }

    /// A success that was added to the window without the lock made a rule seem to hold.
    pub(crate) fn review(&mut self, generation: u64, now: Tick) -> Option<Change> {
        if generation != self.generation || !matches!(self.phase, Phase::Closed { .. }) {
            return None;
        }
        let window = self.ruled_window()?;
        window.turn(now);
        window.judge().map(|trip| self.open(trip, None, now))
    }

    /// So many calls that are under way and slow made a rule seem to hold.
    pub(crate) fn review_under_way(&mut self, generation: u64, slow: u64, now: Tick) -> Option<Change> {
        if generation != self.generation || !matches!(self.phase, Phase::Closed { .. }) {
            return None;
        }
        let window = self.ruled_window()?;
        window.turn(now);
        window.judge_with(slow, now).map(|trip| self.open(trip, None, now))
    }

    /// What an ending counts as (rules 8 and 9).
    fn judge(&self, call: Call, ending: Ending, now: Tick) -> Counted {
        let failure_if = |failed: bool, or: Counted| if failed { Counted::Failure } else { or };
        match ending {
            Ending::Result(Outcome::Success) => Counted::Success,
            Ending::Result(Outcome::Neutral) => Counted::Ignored,
            Ending::Result(Outcome::Failure { .. }) => Counted::Failure,
            Ending::Panicked => failure_if(self.settings.on_panic == OnPanic::Failure, Counted::Ignored),
            Ending::Dropped { took } => match self.settings.on_cancel {
                OnCancel::Ignore => Counted::Cancelled,
                OnCancel::Failure => Counted::Failure,
                OnCancel::After(limit) => {
                    let timed = call.word.has(Word::TIMED);
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

    fn decide(&mut self, outcome: Counted, slow: bool, asked: Option<Duration>, now: Tick) -> Option<Change> {
        self.drops = match outcome {
            Counted::Cancelled => self.drops.saturating_add(1),
            Counted::PassedOn => self.drops,
            _ => 0,
        };
        let mark = Mark { failed: outcome == Counted::Failure, slow };
        let counts = matches!(outcome, Counted::Success | Counted::Failure);
        match &mut self.phase {
            // A call that was dropped has no result, but if it was slow, that is known.
            Phase::Closed { .. } if counts || (slow && outcome == Counted::Cancelled) => {
                self.closed_call(outcome, mark, now).map(|trip| self.open(trip, asked, now))
            }
            Phase::HalfOpen(trial) if counts => {
                trial.add(mark);
                let verdict = trial.verdict(&self.settings);
                if mark.failed {
                    self.run.failed(now, None);
                    self.failed_probes = self.failed_probes.saturating_add(1);
                } else {
                    self.run.clear();
                    self.failed_probes = 0;
                }
                match verdict? {
                    Verdict::Close => Some(self.close(now)),
                    Verdict::Open(trip) => Some(self.open(trip, asked, now)),
                }
            }
            _ => None,
        }
    }

    /// Tells the rules of a call, and gives the one that holds now (rule 2).
    fn closed_call(&mut self, outcome: Counted, mark: Mark, now: Tick) -> Option<Trip> {
        if outcome == Counted::Success {
            self.run.clear();
        }
        if mark.failed {
            self.run.failed(now, self.settings.fail_window);
        }
        if mark.failed || mark.slow {
            self.last_bad = now;
        }
        let window = self.ruled_window();
        if let Some(window) = window {
            window.add(mark, now);
        }
        if mark.failed && self.settings.fail_max.is_some_and(|most| self.run.length() >= most) {
            return Some(Trip::Run { length: self.run.length(), span: self.run.span() });
        }
        window?.judge()
    }

    /// Opens. One that opens on trial, or during its ramp, has failed to recover: the open time grows.
    fn open(&mut self, trip: Trip, asked: Option<Duration>, now: Tick) -> Change {
        let (lacking, failed) = match &self.phase {
            Phase::Closed { ramp: Some(ramp), .. } => {
                let runs = self.settings.ramp.and_then(|length| ramp.share(now, length)).is_some();
                (ramp.lacking(), runs)
            }
            Phase::HalfOpen(trial) => (trial.lacking(), true),
            _ => (0, false),
        };
        match self.phase {
            Phase::Closed { since, .. } if !failed => {
                self.pace.rested(now.since(since), &self.settings);
                (self.lacking, self.told_of_places) = (0, false);
            }
            _ => {
                self.pace.failed(&self.settings);
                self.lacking = lacking;
            }
        }
        self.trip = Some(trip);
        let opening = self.pace.open(now, asked);
        self.enter(Phase::Open(opening), now)
    }

    /// Closes after probes.
    fn close(&mut self, now: Tick) -> Change {
        let lacking = std::mem::take(&mut self.lacking);
        let ramp = self.settings.ramp.map(|_| Ramp::new(now, lacking));
        self.enter(Phase::Closed { since: now, ramp }, now)
    }

    /// Goes to a phase by the machine's own rules.
    fn enter(&mut self, phase: Phase, now: Tick) -> Change {
        self.shift(self.manual, phase, now)
    }

    /// The one function that changes the state and starts a generation.
    fn shift(&mut self, manual: Option<Manual>, phase: Phase, now: Tick) -> Change {
        let before = (self.told(), self.phase_state());
        // While it is not closed it shows what the window held when it opened.
        if let (Phase::Closed { .. }, Some(window)) = (&self.phase, &self.window) {
            window.turn(now);
        }
        self.manual = manual;
        self.phase = phase;
        self.generation += 1;
        self.drops = 0;
        self.eclipsed.clear();
        let consecutive_failures = self.run.length();
        if matches!(self.phase, Phase::Closed { .. }) {
            self.run.clear();
            self.failed_probes = 0;
            self.trip = None;
            if let Some(window) = &self.window {
                window.clear();
            }
        }
        if self.told() != before.0 {
            self.since = now;
        }
        let shadow = before.0 == State::Shadow && self.told() == State::Shadow;
        let (old, new) = if shadow { (before.1, self.phase_state()) } else { (before.0, self.told()) };
        let (generation, trip) = (self.generation, self.trip);
        Change { old, new, generation, trip, shadow, reset: false, consecutive_failures }
    }

    /// The window, if a rule looks at it.
    fn ruled_window(&self) -> Option<&SlidingWindow> {
        self.window.as_deref().filter(|_| self.settings.has_rules())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn trip(&self) -> Option<Trip> {
        self.trip
    }

    /// The window, for those who add to it without the lock.
    pub(crate) fn window(&self) -> Option<&Arc<SlidingWindow>> {
        self.window.as_ref()
    }

    /// Notes of a probe that was let in now how many calls had been rejected.
    pub(crate) fn watch_probe(&mut self, probe: u32, rejected: u64) {
        let turned_away = self.turned_away(rejected);
        if let Phase::HalfOpen(trial) = &mut self.phase {
            trial.watch(probe, turned_away);
        }
    }

    /// All chance follows from this seed from now on.
    #[cfg(feature = "test-util")]
    pub(crate) fn seed(&mut self, seed: u64) {
        self.pace.seed(seed);
    }
}

/// What is left to tell of a call after what those inside it have told (rule 5): of a failure, unless they told one, gave an error or were
/// rejected; of anything else, unless they told anything, were rejected or were dropped.
fn tells(evidence: Evidence, outcome: Counted) -> Counted {
    let told = if outcome == Counted::Failure { Evidence::FAILED } else { Evidence::TOLD };
    if evidence.has(told) { Counted::PassedOn } else { outcome }
}
