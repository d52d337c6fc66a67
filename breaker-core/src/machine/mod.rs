//! Makes every transition between the states of a breaker, as plain data.
//!
//! It holds no lock, clock or callback. The current time is an argument, and a [`Transition`] is a
//! result. The caller reports the transition after it has released its lock.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod` | admission, and the function that changes the state (`shift`) |
//! | `settle` | how a call ended, and what follows from it |
//! | `trip` | the rules that open a breaker |
//! | `half_open`, `backoff`, `ramp` | the half-open trial and its slots; the length of an open period; the admitted share after closing |
//! | `window` | the calls that the window rules evaluate |
//! | `manual`, `view` | manual states and new settings; what is shown and published |
//! | `state`, `outcome`, `output`, `packed` | input and output types |
//! | `streak_word` | the failure streak as a word that calls change without the lock |
//! | `tests` | tests without a breaker |
//!
//! May use: `sync`, `clock`, `config`. To add a rule that opens a breaker, add it to `trip`.
//!
//! The rules, each with the function that implements it. The tests of each rule are in
//! `tests/tests/rules.rs`, named after the rule.
//!
//! 1. Closed: calls are admitted (`admit_by_phase`). A success ends the failure streak (`decide`).
//!    Reading the state changes nothing (`state`).
//! 2. The breaker opens when the streak reaches `fail_max`, or when a window rule holds after any
//!    call (`closed_call`). `review` covers successes that were added to the window without the
//!    lock. `review_under_way` covers slow calls that have not ended. The tripping call returns its
//!    own error: the library returns every result as it is.
//! 3. Open: the call is rejected before its body is polled, with the time left (`rejected`).
//! 4. At the end of its open period (`reopens`) the breaker is half-open. `state` reports that at
//!    once; `admit_by_phase` makes the transition when the first probe comes, and it is reported
//!    then. No timer or task is needed. Where a watch runs, `lapse` does the same without a probe.
//! 5. Half-open: at most `half_open_max_calls` probes hold a slot (`Trial::take`).
//!    `success_threshold` successes close the breaker. One counted failure opens it again, unless
//!    the settings allow the trial more failures (`Trial::decide_trial`). A probe slower than
//!    `slow_call_duration` does not count as a success there; with `probe_failure_rate`,
//!    `slow_call_rate` decides about slow probes. A rejection is as cheap as in the open state
//!    (`publish`). A call inside a call of the same breaker is admitted with it, without a request
//!    (`nesting::join_outer`). The first call inside a probe takes over the probe's slot, and any
//!    of them can decide the trial. The innermost result counts, once (`not_yet_counted`). After
//!    closing, a ramp may admit only a share of the calls (`admit_closed`).
//! 6. A cancelled or ignored probe gives its slot back (`decide`). A probe that outlives
//!    `probe_timeout` loses its slot (`Trial::take`), but still decides if its generation is
//!    current. If calls were rejected meanwhile for lack of a slot, the trial gets one more slot,
//!    so that no trial is blocked (`Trial::give_back`). In that case a dropped call is not a
//!    failure either (`excuse_drop`); the same applies during a ramp that has rejected calls. If a
//!    call failed and a few others were rejected, the next trial gets the additional slot
//!    (`Trial::lacking`).
//! 7. A result of an earlier generation is counted (`count`) and decides nothing (`settle`).
//!    `shift` starts generations.
//! 8. A panic of the call's own poll is an ending of its own (`classify`). The permit distinguishes
//!    it from a drop.
//! 9. A dropped call is ignored unless `on_cancel` says otherwise (`classify`). `drops` counts
//!    consecutive dropped calls. A stream that is dropped after an item is a success, unless its
//!    reader has waited for another item for as long as `on_cancel` says.
//! 10. The caller notifies listeners of the returned [`Transition`] after it has released the lock.
//! 11. The current time is an argument, so that tests can use virtual time.
//! 12. Manual states last until `clear_override` or `reset` (`set_manual`, `reset`). The settings
//!     may request one too (`mode`).
//! 13. New settings leave the state as it is, and keep the counts where they still mean the same
//!     (`reconfigure`, `arrange`).

pub(crate) mod backoff;
pub(crate) mod half_open;
mod manual;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod packed;
pub(crate) mod ramp;
mod settle;
pub(crate) mod state;
pub(crate) mod streak_word;
#[cfg(test)]
mod tests;
pub(crate) mod trip;
mod view;
pub(crate) mod window;

use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::machine::backoff::{OpenBackoff, OpenPeriod};
use crate::machine::half_open::Trial;
use crate::machine::output::{Admission, Counts, Transition};
use crate::machine::packed::RetryAfter;
use crate::machine::ramp::Ramp;
use crate::machine::state::State;
use crate::machine::trip::{FailureStreak, Trip};
use crate::machine::window::SlidingWindow;
use crate::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Machine {
    /// Shared by all machines with equal settings, as most keyed breakers have.
    settings: Arc<Settings>,
    manual: Option<Manual>,
    phase: Phase,
    /// Counts the changes, from 1. A result of an earlier generation decides nothing (rule 7).
    generation: u64,
    since: Tick,
    streak: FailureStreak,
    /// The setting `fail_window` in nanoseconds; `u64::MAX` where it is off.
    max_gap: u64,
    /// The setting `fail_max`; `u32::MAX` where it is off.
    max_streak: u32,
    /// The tag of the streak's word.
    streak_tag: u8,
    /// The failures of the streak that are not in its word.
    kept_failures: u32,
    /// The failures that only the word has counted so far.
    uncounted_failures: u64,
    /// Created when a rule first needs it.
    window: Option<Arc<SlidingWindow>>,
    open_backoff: OpenBackoff,
    /// Slots that the next trial gets in addition to those of the settings. Calls of the last trial
    /// may have failed for lack of them (rule 6).
    lacking: u32,
    /// An additional slot of a trial was reported in this outage.
    extra_slot_reported: bool,
    /// Probes that failed since one succeeded, over all open periods of this outage.
    failed_probes: u32,
    /// Consecutive dropped calls (rule 9).
    drops: u32,
    /// Consecutive calls that failed although a call inside them had succeeded.
    masked_failures: FailureStreak,
    masked_failures_reported: bool,
    trip: Option<Trip>,
    counts: Counts,
    /// Zero: there was none.
    last_failure: Tick,
    /// The time of the streak's last failure that was published last. The gate has another one
    /// after a failure that only made the streak longer.
    published_last: Tick,
    /// The last failure or slow call that was added to the window.
    last_failed_or_slow: Tick,
}

/// The automatic state. Under `Manual::Shadow` it goes on, but is only reported.
#[derive(Debug)]
enum Phase {
    Closed { since: Tick, ramp: Option<Ramp> },
    Open(OpenPeriod),
    HalfOpen(Trial),
}

/// A state that lasts until `clear_override` or `reset` (rule 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manual {
    ForcedOpen { until: Tick },
    Disabled,
    Shadow,
}

impl Machine {
    /// `seed` is the only source of randomness (jitter).
    pub(crate) fn new(settings: Arc<Settings>, seed: u64, now: Tick) -> Self {
        Self::blank(settings, seed, 1, now)
    }

    /// A machine that at most has been reset since its creation: closed, or disabled by its
    /// settings, since `since`, with nothing counted.
    pub(crate) fn blank(settings: Arc<Settings>, seed: u64, generation: u64, since: Tick) -> Self {
        let mut machine = Self {
            settings,
            manual: None,
            phase: Phase::Closed { since, ramp: None },
            generation,
            since,
            streak: FailureStreak::new(),
            max_gap: u64::MAX,
            max_streak: u32::MAX,
            streak_tag: 0,
            kept_failures: 0,
            uncounted_failures: 0,
            window: None,
            open_backoff: OpenBackoff::new(seed),
            lacking: 0,
            extra_slot_reported: false,
            failed_probes: 0,
            drops: 0,
            masked_failures: FailureStreak::new(),
            masked_failures_reported: false,
            trip: None,
            counts: Counts::default(),
            last_failure: Tick::ZERO,
            published_last: Tick::ZERO,
            last_failed_or_slow: Tick::ZERO,
        };
        machine.arrange();
        machine
    }

    /// Requests admission of a call (rules 1, 3, 4, 5).
    pub(crate) fn admit(&mut self, now: Tick) -> (Admission, Option<Transition>) {
        let expired = self.expire(now);
        let (admission, change) = match self.mode() {
            Some(Manual::ForcedOpen { .. }) => (self.rejected(now), None),
            Some(Manual::Disabled) => (Admission::Admitted { probe: 0 }, None),
            Some(Manual::Shadow) => self.admit_in_shadow(now),
            None => self.admit_by_phase(now),
        };
        (admission, expired.or(change))
    }

    fn admit_by_phase(&mut self, now: Tick) -> (Admission, Option<Transition>) {
        let change = self.end_open_time(now);
        let admission = match &mut self.phase {
            Phase::Closed { .. } => self.admit_closed(now),
            Phase::Open(_) => self.rejected(now),
            Phase::HalfOpen(trial) => match trial.take(now, &self.settings) {
                Some(probe) => Admission::Admitted { probe },
                None => self.rejected(now),
            },
        };
        (admission, change)
    }

    /// Begins the trial after an open period that is over. The state has been half-open since its
    /// end.
    fn end_open_time(&mut self, now: Tick) -> Option<Transition> {
        self.lapsed(now).map(|end| self.enter(Phase::HalfOpen(Trial::with_more(self.lacking)), end))
    }

    /// Admits every call, or a share of the calls during a ramp.
    fn admit_closed(&mut self, now: Tick) -> Admission {
        let Phase::Closed { ramp, .. } = &mut self.phase else { return self.rejected(now) };
        if let (Some(running), Some(length)) = (&mut *ramp, self.settings.ramp) {
            match running.admit(now, length) {
                Some(true) => return Admission::Admitted { probe: 0 },
                Some(false) => {
                    let wait = RetryAfter::span(running.left(now, length).min(Duration::from_secs(1)));
                    return Admission::Rejected { state: State::Closed, wait };
                }
                None => {}
            }
        }
        *ramp = None;
        Admission::Admitted { probe: 0 }
    }

    fn admit_in_shadow(&mut self, now: Tick) -> (Admission, Option<Transition>) {
        let (admission, change) = self.admit_by_phase(now);
        let Admission::Rejected { state, wait } = admission else { return (admission, change) };
        self.counts.shadow_rejected += 1;
        (Admission::ShadowRejected { state, wait }, change)
    }

    /// The rejection. In shadow: the rejection that would have happened.
    fn rejected(&self, now: Tick) -> Admission {
        let forced = match self.mode() {
            Some(Manual::ForcedOpen { until }) => Some(until),
            _ => None,
        };
        let state = if forced.is_some() { State::ForcedOpen } else { self.phase_state() };
        let until = forced.or_else(|| self.phase_rejected_until()).unwrap_or(now);
        Admission::Rejected { state, wait: RetryAfter::until(until, now) }
    }

    /// Opens. Opening during a trial or a ramp is a failed recovery: the open period gets longer.
    fn open(&mut self, trip: Trip, requested: Option<Duration>, now: Tick) -> Transition {
        let (lacking, failed) = match &self.phase {
            Phase::Closed { ramp: Some(ramp), .. } => {
                let ramps = self.settings.ramp.and_then(|length| ramp.share(now, length)).is_some();
                (ramp.lacking(), ramps)
            }
            Phase::HalfOpen(trial) => (trial.lacking(), true),
            _ => (0, false),
        };
        match self.phase {
            Phase::Closed { since, .. } if !failed => {
                self.open_backoff.decayed_while_closed(now.since(since), &self.settings);
                (self.lacking, self.extra_slot_reported) = (0, false);
            }
            _ => {
                self.open_backoff.failed(&self.settings);
                self.lacking = lacking;
            }
        }
        self.trip = Some(trip);
        let open_period = self.open_backoff.open(now, requested);
        self.enter(Phase::Open(open_period), now)
    }

    /// Closes after successful probes.
    fn close(&mut self, now: Tick) -> Transition {
        let lacking = std::mem::take(&mut self.lacking);
        let ramp = self.settings.ramp.map(|_| Ramp::new(now, lacking));
        self.enter(Phase::Closed { since: now, ramp }, now)
    }

    /// Enters a phase by the machine's own rules.
    fn enter(&mut self, phase: Phase, now: Tick) -> Transition {
        self.shift(self.manual, phase, now)
    }

    /// The one function that changes the state and starts a generation.
    fn shift(&mut self, manual: Option<Manual>, phase: Phase, now: Tick) -> Transition {
        let before = (self.shown_state(), self.phase_state());
        // While the breaker is not closed it shows what the window held when it opened.
        if let (Phase::Closed { .. }, Some(window)) = (&self.phase, &self.window) {
            window.rotate(now);
        }
        self.manual = manual;
        self.phase = phase;
        self.generation += 1;
        self.drops = 0;
        self.masked_failures.clear();
        let consecutive_failures = self.streak.length();
        if matches!(self.phase, Phase::Closed { .. }) {
            self.streak.clear();
            self.failed_probes = 0;
            self.trip = None;
            if let Some(window) = &self.window {
                window.clear();
            }
        }
        if self.shown_state() != before.0 {
            self.since = now;
        }
        let shadow = before.0 == State::Shadow && self.shown_state() == State::Shadow;
        let (old, new) = if shadow { (before.1, self.phase_state()) } else { (before.0, self.shown_state()) };
        let (generation, trip) = (self.generation, self.trip);
        Transition { old, new, generation, trip, shadow, reset: false, consecutive_failures }
    }

    /// The window, if a rule evaluates it.
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

    /// The window, for calls that add to it without the lock.
    pub(crate) fn window(&self) -> Option<&Arc<SlidingWindow>> {
        self.window.as_ref()
    }

    /// Records how many calls had been rejected when this probe was admitted.
    pub(crate) fn watch_probe(&mut self, probe: u32, rejected: u64) {
        let rejected_in_all = self.rejected_in_all(rejected);
        if let Phase::HalfOpen(trial) = &mut self.phase {
            trial.watch(probe, rejected_in_all);
        }
    }

    /// All randomness follows from this seed from now on.
    #[cfg(feature = "test-util")]
    pub(crate) fn seed(&mut self, seed: u64) {
        self.open_backoff.seed(seed);
    }
}
