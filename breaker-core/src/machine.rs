//! The machine: every state and every transition, as plain data. It holds no lock, clock or callback: the present
//! comes in as an argument, a [`Change`] goes out, and the shell tells the listeners when it has let go.
//!
//! The rules, each with the function that keeps it. Each has tests of its name in `tests/tests/rules.rs`.
//!
//! 1. Closed: calls pass (`ask`). A success clears the run of failures (`decide`). Reading the state changes nothing
//!    (`state`).
//! 2. It opens when a run reaches `fail_max` (`decide`). The tripping call returns its own error: the shell gives every
//!    result back as it is.
//! 3. Open: the call is rejected before its body is polled, with the time left (`rejected`).
//! 4. At `recovery_timeout` it is half-open: `state` says so at once, `ask` makes it so when the first probe comes, and the
//!    change is told then. No timer or task is needed.
//! 5. Half-open: at most `half_open_max_calls` probes hold a slot (`Probes::take`); `success_threshold` successes close it, one
//!    counted failure opens it again (`decide`). Being rejected is as cheap as when open (`publish`).
//! 6. A cancelled or neutral probe gives its slot back (`decide`); one that outlives `probe_timeout` loses it (`Probes::take`), but
//!    decides if its generation still stands.
//! 7. A result of an earlier generation is counted (`count`) and decides nothing (`settle`). `shift` starts generations.
//! 8. A panic of the call's own poll is an ending of its own (`judge`); the permit tells it from a drop.
//! 9. A dropped call is neutral unless `on_cancel` says otherwise (`judge`); `drops` counts those in a row.
//! 10. Listeners are told by the shell, from the [`Change`] that comes out, when it has let go of the lock.
//! 11. The present is an argument, so that tests can be in virtual time.
//! 12. Manual states last until `release` or `reset` (`set_manual`, `reset`); the settings may ask for one too (`mode`).
//! 13. Other settings leave the state and the counts as they are (`reconfigure`).

use crate::answers::{Admission, Call, Change, Counted, Counts, Reading, Settled};
use crate::clock::Tick;
use crate::config::{OnCancel, OnPanic, Settings};
use crate::gate::{self, Word};
use crate::outcome::{Ending, Outcome};
use crate::probes::Probes;
use crate::state::State;
use crate::trip::{Run, Trip};

#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    manual: Option<Manual>,
    phase: Phase,
    /// Counts the changes, from 1. A result of an earlier generation decides nothing (rule 7).
    generation: u64,
    since: Tick,
    run: Run,
    /// Calls dropped since the last result (rule 9).
    drops: u32,
    trip: Option<Trip>,
    counts: Counts,
    last_failure: Option<Tick>,
}

/// Where the automatic part is. Under `Manual::Shadow` it goes on, and only tells.
#[derive(Debug)]
enum Phase {
    Closed,
    Open { since: Tick },
    HalfOpen { probes: Probes, successes: u32 },
}

/// A state that lasts until `release` or `reset` (rule 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manual {
    ForcedOpen { until: Tick },
    Disabled,
    Shadow,
}

impl Machine {
    pub(crate) fn new(settings: Settings, now: Tick) -> Self {
        Self {
            settings,
            manual: None,
            phase: Phase::Closed,
            generation: 1,
            since: now,
            run: Run::new(),
            drops: 0,
            trip: None,
            counts: Counts::default(),
            last_failure: None,
        }
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
        let change = match self.phase {
            Phase::Open { since } if now >= self.reopens(since) => {
                Some(self.enter(Phase::HalfOpen { probes: Probes::default(), successes: 0 }, now))
            }
            _ => None,
        };
        let (limit, lease) = (self.settings.half_open_max_calls, self.settings.probe_lease());
        let admission = match &mut self.phase {
            Phase::Closed => Admission::Admitted { probe: 0 },
            Phase::Open { .. } => self.rejected(now),
            Phase::HalfOpen { probes, .. } => match probes.take(now, limit, lease) {
                Some(probe) => Admission::Admitted { probe },
                None => self.rejected(now),
            },
        };
        (admission, change)
    }

    fn ask_in_shadow(&mut self, now: Tick) -> (Admission, Option<Change>) {
        let (admission, change) = self.ask(now);
        let Admission::Rejected { state, retry_after } = admission else { return (admission, change) };
        self.counts.shadow_rejected += 1;
        (Admission::ShadowRejected { state, retry_after }, change)
    }

    /// In shadow: the rejection that would have been.
    fn rejected(&self, now: Tick) -> Admission {
        let forced = match self.mode() {
            Some(Manual::ForcedOpen { until }) => Some(until),
            _ => None,
        };
        let state = if forced.is_some() { State::ForcedOpen } else { self.phase_state() };
        let until = forced.or_else(|| self.phase_shut_until()).unwrap_or(now);
        Admission::Rejected { state, retry_after: gate::retry_after(state, until, now) }
    }

    /// Takes in how a call ended that was admitted under `word` (rules 1, 2, 5 to 9).
    pub(crate) fn settle(&mut self, call: Call, ending: Ending, now: Tick) -> Settled {
        let outcome = self.judge(call, ending, now);
        self.count(outcome, now);
        if call.word.generation() != self.generation {
            return Settled { outcome, run: 0, drops: 0, change: None };
        }
        let change = self.decide(call.probe, outcome, now);
        let run = change.map_or(self.run.length(), |change| change.consecutive_failures);
        Settled { outcome, run, drops: self.drops, change }
    }

    /// What an ending counts as (rules 8 and 9).
    fn judge(&self, call: Call, ending: Ending, now: Tick) -> Counted {
        let failure_if = |failed: bool, or: Counted| if failed { Counted::Failure } else { or };
        match ending {
            Ending::Result(Outcome::Success) => Counted::Success,
            Ending::Result(Outcome::Neutral) => Counted::Ignored,
            Ending::Result(Outcome::Failure { .. }) => Counted::Failure,
            Ending::Panicked => failure_if(self.settings.on_panic == OnPanic::Failure, Counted::Ignored),
            Ending::Dropped => match self.settings.on_cancel {
                OnCancel::Ignore => Counted::Cancelled,
                OnCancel::Failure => Counted::Failure,
                OnCancel::After(limit) => {
                    let timed = call.word.has(Word::TIMED);
                    failure_if(timed && now.since(call.started) >= limit, Counted::Cancelled)
                }
            },
        }
    }

    fn count(&mut self, outcome: Counted, now: Tick) {
        match outcome {
            Counted::Success => {}
            Counted::Failure => {
                self.counts.failures += 1;
                self.last_failure = Some(now);
            }
            Counted::Ignored => self.counts.ignored += 1,
            Counted::Cancelled => self.counts.cancelled += 1,
        }
    }

    fn decide(&mut self, probe: u32, outcome: Counted, now: Tick) -> Option<Change> {
        self.drops = if outcome == Counted::Cancelled { self.drops.saturating_add(1) } else { 0 };
        if let Phase::HalfOpen { probes, .. } = &mut self.phase {
            probes.give_back(probe);
        }
        match (outcome, &mut self.phase) {
            (Counted::Success, Phase::Closed) => self.run.clear(),
            (Counted::Failure, Phase::Closed) => {
                let length = self.run.failed(now, self.settings.fail_window);
                if length >= self.settings.fail_max {
                    let trip = Trip::Run { length, span: self.run.span() };
                    return Some(self.open(trip, now));
                }
            }
            (Counted::Success, Phase::HalfOpen { successes, .. }) => {
                *successes += 1;
                if *successes >= self.settings.success_threshold {
                    return Some(self.enter(Phase::Closed, now));
                }
            }
            (Counted::Failure, Phase::HalfOpen { successes, .. }) => {
                let trip = Trip::Probe { successes: *successes, of: self.settings.success_threshold };
                let _ = self.run.failed(now, None);
                return Some(self.open(trip, now));
            }
            _ => {}
        }
        None
    }

    fn open(&mut self, trip: Trip, now: Tick) -> Change {
        self.trip = Some(trip);
        self.enter(Phase::Open { since: now }, now)
    }

    /// Goes to a phase by the machine's own rules.
    fn enter(&mut self, phase: Phase, now: Tick) -> Change {
        self.shift(self.manual, phase, now)
    }

    /// The one function that changes the state and starts a generation.
    fn shift(&mut self, manual: Option<Manual>, phase: Phase, now: Tick) -> Change {
        let before = (self.told(), self.phase_state());
        self.manual = manual;
        self.phase = phase;
        self.generation += 1;
        self.drops = 0;
        let consecutive_failures = self.run.length();
        if matches!(self.phase, Phase::Closed) {
            self.run.clear();
            self.trip = None;
        }
        if self.told() != before.0 {
            self.since = now;
        }
        let shadow = before.0 == State::Shadow && self.told() == State::Shadow;
        let (old, new) = if shadow { (before.1, self.phase_state()) } else { (before.0, self.told()) };
        let (generation, trip) = (self.generation, self.trip);
        Change { old, new, generation, trip, shadow, reset: false, consecutive_failures }
    }

    /// Takes a manual state, or leaves it for closed with `None`. Nothing is told when it was so already.
    pub(crate) fn set_manual(&mut self, manual: Option<Manual>, now: Tick) -> Option<Change> {
        if self.manual == manual {
            return None;
        }
        let change = self.shift(manual, Phase::Closed, now);
        (change.old != change.new).then_some(change)
    }

    /// Closes, zeroes what was counted and starts a new generation.
    pub(crate) fn reset(&mut self, now: Tick) -> Change {
        self.counts = Counts::default();
        self.last_failure = None;
        Change { reset: true, shadow: false, ..self.shift(None, Phase::Closed, now) }
    }

    /// Takes other settings, which hold from here on; what was counted stays.
    pub(crate) fn reconfigure(&mut self, settings: Settings, now: Tick) -> Option<Change> {
        let toggled = settings.enabled != self.settings.enabled && self.manual.is_none();
        if !toggled {
            self.settings = settings;
            return None;
        }
        let old = self.told();
        self.settings = settings;
        Some(Change { old, ..self.shift(None, Phase::Closed, now) })
    }

    /// Ends a forced opening whose time is over.
    pub(crate) fn expire(&mut self, now: Tick) -> Option<Change> {
        match self.manual {
            Some(Manual::ForcedOpen { until }) if now >= until => Some(self.shift(None, Phase::Closed, now)),
            _ => None,
        }
    }

    /// The manual state, or the one that the settings ask for.
    fn mode(&self) -> Option<Manual> {
        self.manual.or_else(|| (!self.settings.enabled).then_some(Manual::Disabled))
    }

    /// The state as the listeners know it.
    fn told(&self) -> State {
        match self.mode() {
            Some(Manual::ForcedOpen { .. }) => State::ForcedOpen,
            Some(Manual::Disabled) => State::Disabled,
            Some(Manual::Shadow) => State::Shadow,
            None => self.phase_state(),
        }
    }

    fn phase_state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn reopens(&self, since: Tick) -> Tick {
        since.after(self.settings.recovery_timeout)
    }

    /// Until when every call is rejected, if so.
    fn shut_until(&self) -> Option<Tick> {
        match self.mode() {
            Some(Manual::ForcedOpen { until }) => Some(until),
            Some(Manual::Disabled | Manual::Shadow) => None,
            None => self.phase_shut_until(),
        }
    }

    /// The same for the automatic part alone.
    fn phase_shut_until(&self) -> Option<Tick> {
        match &self.phase {
            Phase::Closed => None,
            Phase::Open { since } => Some(self.reopens(*since)),
            Phase::HalfOpen { probes, .. } => probes.full_until(self.settings.half_open_max_calls),
        }
    }

    /// The state at `now`, without changing anything (rules 1 and 4).
    pub(crate) fn state(&self, now: Tick) -> State {
        match (self.told(), self.shut_until()) {
            (State::Open, Some(until)) if now >= until => State::HalfOpen,
            (State::ForcedOpen, Some(until)) if now >= until && !self.settings.enabled => State::Disabled,
            (State::ForcedOpen, Some(until)) if now >= until => State::Closed,
            (told, _) => told,
        }
    }

    /// What calls may act on without the lock.
    pub(crate) fn publish(&self) -> (Word, Tick) {
        let until = self.shut_until();
        let phase = match (self.mode(), &self.phase) {
            (Some(Manual::Disabled), _) => Word::PASS,
            (_, Phase::Closed) => 0,
            (_, Phase::Open { .. }) => Word::ASK,
            (_, Phase::HalfOpen { .. }) => Word::ASK | Word::WATCH,
        };
        let flag = |on: bool, flag: u64| if on { flag } else { 0 };
        let flags = phase
            | flag(until.is_some(), Word::SHUT)
            | flag(self.run.length() > 0 || self.drops > 0, Word::WATCH)
            | flag(matches!(self.settings.on_cancel, OnCancel::After(_)), Word::TIMED)
            | flag(self.settings.timeout.is_some(), Word::LIMITED);
        (Word::new(self.told(), self.generation, flags), until.unwrap_or(Tick::ZERO))
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

    pub(crate) fn read(&self, now: Tick) -> Reading {
        let (state, until) = (self.state(now), self.shut_until());
        let lapsed = until.filter(|_| state != self.told());
        Reading {
            state,
            since: lapsed.unwrap_or(self.since),
            retry_after: until.filter(|until| *until > now).and_then(|until| gate::retry_after(state, until, now)),
            run: self.run.length(),
            trip: self.trip.filter(|_| !state.is_healthy() || state == State::Shadow),
            counts: self.counts,
            last_failure: self.last_failure,
            settings: self.settings.clone(),
        }
    }
}
