//! The state machine of a breaker, as plain data: every state and every transition.
//!
//! It holds no lock, clock or callback. The present comes in as an argument, a [`Transition`] goes
//! out, and the caller reports it when it has released its lock.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | admission, and where the state is changed (`shift`) |
//! | `settle` | how a call ended, and what follows from it |
//! | `trip` | what opens a breaker |
//! | `half_open`, `backoff`, `ramp` | the trial and its slots; how long it stays open; the share after closing |
//! | `window` | what the rates look at |
//! | `manual`, `view` | manual states and new settings; what it shows |
//! | `state`, `outcome`, `output`, `packed` | the types that go in and come out |
//!
//! May use: `sync`, `clock`, `config`. To add a rule that opens it, add it to `trip`.
//!
//! The rules, each with the function that keeps it. Each has tests of its name in
//! `tests/tests/rules.rs`.
//!
//! 1. Closed: calls pass (`ask`). A success clears the run of failures (`decide`). Reading the
//!    state changes nothing (`state`).
//! 2. It opens when a run reaches `fail_max`, or when a rule over the window holds after any call
//!    (`closed_call`; `review` for successes that were added to the window without the lock,
//!    `review_under_way` for slow calls that have not ended). The tripping call returns its own
//!    error: the library returns every result as it is.
//! 3. Open: the call is rejected before its body is polled, with the time left (`rejected`).
//! 4. At the end of its open time (`reopens`) it is half-open: `state` says so at once, `ask` makes
//!    it so when the first probe comes, and the change is told then. No timer or task is needed;
//!    where one watches, `lapse` does the same without a probe.
//! 5. Half-open: at most `half_open_max_calls` probes hold a slot (`Trial::take`);
//!    `success_threshold` successes close it, one counted failure opens it again, unless its trial
//!    has failures to spare (`Trial::verdict`). A probe slower than `slow_call_duration` is no success
//!    there; with `probe_failure_rate` it is for `slow_call_rate` to judge. Being rejected is as cheap
//!    as when open (`publish`). A call inside a call of the same breaker goes in with it and is not
//!    asked (`nesting::go_along`): the first one inside a probe takes over its slot, and all vote.
//!    The innermost result counts, once (`tells`). After closing a ramp may let in a share of the
//!    calls only (`ask_closed`).
//! 6. A cancelled or ignored probe gives its slot back (`decide`); one that outlives
//!    `probe_timeout` loses it (`Trial::take`), but decides if its generation still stands. Where
//!    calls were rejected meanwhile for want of a place, the trial gets one place more, so that no
//!    trial sticks (`Trial::give_back`), and a drop is no failure (`spare`); nor is one during a
//!    ramp that has rejected calls. Where a call failed and a few others were rejected, the next
//!    trial gets the place (`Trial::lacking`).
//! 7. A result of an earlier generation is counted (`count`) and decides nothing (`settle`).
//!    `shift` starts generations.
//! 8. A panic of the call's own poll is an ending of its own (`classify`); the permit tells it from
//!    a drop.
//! 9. A dropped call is ignored unless `on_cancel` says otherwise (`classify`); `drops` counts
//!    those in a row. A stream that is dropped after an item is a success, unless its reader has
//!    waited for another one for as long as `on_cancel` says.
//! 10. Listeners are told by the shell, from the [`Transition`] that comes out, when it has let go
//!     of the lock.
//! 11. The present is an argument, so that tests can be in virtual time.
//! 12. Manual states last until `clear_override` or `reset` (`set_manual`, `reset`); the settings may ask
//!     for one too (`mode`).
//! 13. Other settings leave the state as it is, and the counts where they still mean the same
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
    /// Shared with others that have the same, as most of a family do.
    settings: Arc<Settings>,
    manual: Option<Manual>,
    phase: Phase,
    /// Counts the changes, from 1. A result of an earlier generation decides nothing (rule 7).
    generation: u64,
    since: Tick,
    run: FailureStreak,
    /// The setting `fail_window` as the clock counts: nanoseconds; `u64::MAX` where it is off.
    longest_gap: u64,
    /// The setting `fail_max`; `u32::MAX` where it is off.
    longest_run: u32,
    /// Made when a rule first needs one.
    window: Option<Arc<SlidingWindow>>,
    pace: OpenBackoff,
    /// Places that the next trial gets beyond those of the settings, since calls of the last one
    /// may have failed for want of them (rule 6).
    lacking: u32,
    /// That a trial has a place more was told in this outage.
    told_of_places: bool,
    /// Probes that failed since one succeeded, over all openings of this outage.
    failed_probes: u32,
    /// Calls dropped since the last result (rule 9).
    drops: u32,
    /// Questions in a row that failed after a success inside them, and whether that was told since
    /// the last reset.
    eclipsed: FailureStreak,
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
    /// `seed` is all the chance that there is in it (jitter).
    pub(crate) fn new(settings: Arc<Settings>, seed: u64, now: Tick) -> Self {
        Self::blank(settings, seed, 1, now)
    }

    /// One that has only been reset since it was new, if anything: closed, or disabled by its
    /// settings, `since` then, with nothing counted.
    pub(crate) fn blank(settings: Arc<Settings>, seed: u64, generation: u64, since: Tick) -> Self {
        let mut machine = Self {
            settings,
            manual: None,
            phase: Phase::Closed { since, ramp: None },
            generation,
            since,
            run: FailureStreak::new(),
            longest_gap: u64::MAX,
            longest_run: u32::MAX,
            window: None,
            pace: OpenBackoff::new(seed),
            lacking: 0,
            told_of_places: false,
            failed_probes: 0,
            drops: 0,
            eclipsed: FailureStreak::new(),
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
    pub(crate) fn admit(&mut self, now: Tick) -> (Admission, Option<Transition>) {
        let expired = self.expire(now);
        let (admission, change) = match self.mode() {
            Some(Manual::ForcedOpen { .. }) => (self.rejected(now), None),
            Some(Manual::Disabled) => (Admission::Admitted { probe: 0 }, None),
            Some(Manual::Shadow) => self.ask_in_shadow(now),
            None => self.ask(now),
        };
        (admission, expired.or(change))
    }

    fn ask(&mut self, now: Tick) -> (Admission, Option<Transition>) {
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
    fn end_open_time(&mut self, now: Tick) -> Option<Transition> {
        self.lapsed(now).map(|end| self.enter(Phase::HalfOpen(Trial::with_more(self.lacking)), end))
    }

    /// Closed lets everybody in, but for a share of the calls during its ramp.
    fn ask_closed(&mut self, now: Tick) -> Admission {
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

    fn ask_in_shadow(&mut self, now: Tick) -> (Admission, Option<Transition>) {
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
        Admission::Rejected { state, wait: RetryAfter::until(until, now) }
    }

    /// Opens. One that opens on trial, or during its ramp, has failed to recover: the open time
    /// grows.
    fn open(&mut self, trip: Trip, asked: Option<Duration>, now: Tick) -> Transition {
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
                self.pace.decayed_while_closed(now.since(since), &self.settings);
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
    fn close(&mut self, now: Tick) -> Transition {
        let lacking = std::mem::take(&mut self.lacking);
        let ramp = self.settings.ramp.map(|_| Ramp::new(now, lacking));
        self.enter(Phase::Closed { since: now, ramp }, now)
    }

    /// Goes to a phase by the machine's own rules.
    fn enter(&mut self, phase: Phase, now: Tick) -> Transition {
        self.shift(self.manual, phase, now)
    }

    /// The one function that changes the state and starts a generation.
    fn shift(&mut self, manual: Option<Manual>, phase: Phase, now: Tick) -> Transition {
        let before = (self.shown_state(), self.phase_state());
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
        if self.shown_state() != before.0 {
            self.since = now;
        }
        let shadow = before.0 == State::Shadow && self.shown_state() == State::Shadow;
        let (old, new) = if shadow { (before.1, self.phase_state()) } else { (before.0, self.shown_state()) };
        let (generation, trip) = (self.generation, self.trip);
        Transition { old, new, generation, trip, shadow, reset: false, consecutive_failures }
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
