//! Handles manual states, new settings, and trips without a rule (rules 12 and 13).

use super::{Machine, Manual, Phase};
use crate::clock::{Tick, nanos_of};
use crate::config::keys::Settings;
use crate::machine::backoff::OpenBackoff;
use crate::machine::half_open::Trial;
use crate::machine::output::{Counts, Transition};
use crate::sync::Arc;
use std::time::Duration;

impl Machine {
    /// Closes and clears everything from before: the streak, the backoff and the ramp.
    fn shift_manually(&mut self, manual: Option<Manual>, now: Tick) -> Transition {
        self.open_backoff.reset();
        (self.lacking, self.extra_slot_reported) = (0, false);
        self.shift(manual, Phase::Closed { since: now, ramp: None }, now)
    }

    /// Enters a manual state; `None` ends it and closes. Returns no transition if nothing changes.
    pub(crate) fn set_manual(&mut self, manual: Option<Manual>, now: Tick) -> Option<Transition> {
        if self.manual == manual {
            return None;
        }
        let change = self.shift_manually(manual, now);
        (change.old != change.new).then_some(change)
    }

    /// Whether a person or a program has set its state.
    pub(crate) fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// Closes, zeroes the counts and starts a new generation.
    pub(crate) fn reset(&mut self, now: Tick) -> Transition {
        self.counts = Counts::default();
        self.last_failure = Tick::ZERO;
        self.masked_failures_reported = false;
        Transition { reset: true, shadow: false, ..self.shift_manually(None, now) }
    }

    /// Applies new settings from now on. The counts remain where they still mean the same.
    pub(crate) fn reconfigure(&mut self, settings: Arc<Settings>, now: Tick) -> Option<Transition> {
        let toggled = settings.enabled != self.settings.enabled && self.manual.is_none();
        self.keep_ended(now);
        let old = self.shown_state();
        let before = std::mem::replace(&mut self.settings, settings);
        if let Some(window) =
            self.window.as_ref().filter(|_| before.slow_call_duration != self.settings.slow_call_duration)
        {
            window.forget_slow();
        }
        if let (Phase::Closed { ramp: Some(ramp), .. }, Some(old), Some(new)) =
            (&mut self.phase, before.ramp, self.settings.ramp)
        {
            ramp.stretch(old, new);
        }
        // It was open until now.
        if let (Some(_), Phase::Open(open_period)) = (self.lapsed(now), &mut self.phase) {
            open_period.fix(now);
        }
        self.arrange();
        toggled.then(|| {
            self.since = now;
            Transition { old, ..self.shift_manually(None, now) }
        })
    }

    /// Keeps an open period or a ramp that is over from starting again because new settings make it
    /// longer.
    fn keep_ended(&mut self, now: Tick) {
        let lapsed = self.lapsed(now);
        match (&mut self.phase, lapsed, self.settings.ramp) {
            (Phase::Open(open_period), Some(end), _) => open_period.fix(end),
            (Phase::Closed { ramp: Some(running), .. }, _, Some(length)) if running.share(now, length).is_some() => {}
            (Phase::Closed { ramp, .. }, ..) => *ramp = None,
            _ => {}
        }
    }

    /// Applies what follows from the settings: the limits of a streak and its gaps, and the window.
    /// Without a rule nothing is added to the window, so it must not keep older calls.
    pub(super) fn arrange(&mut self) {
        self.max_gap = self.settings.fail_window.map_or(u64::MAX, nanos_of);
        self.max_streak = self.settings.fail_max.unwrap_or(u32::MAX);
        match (self.settings.rules(), &mut self.window) {
            (Some(rules), window) => window.get_or_insert_default().arrange(&rules, self.settings.window),
            (None, Some(window)) => window.stop(),
            (None, None) => {}
        }
    }

    /// Opens without a rule, or restarts the open period, for `span` or as long as after a rule.
    pub(crate) fn trip_manually(&mut self, span: Option<Duration>, now: Tick) -> Option<Transition> {
        let open_period =
            span.map_or_else(|| self.open_backoff.open(now, None), |span| OpenBackoff::open_for(now, span));
        self.trip = None;
        self.move_manually(Phase::Open(open_period), now)
    }

    /// Admits probes before the open period is over. A trial that is running, or begins with the
    /// next call, is not changed.
    pub(crate) fn half_open_manually(&mut self, now: Tick) -> Option<Transition> {
        if matches!(self.phase, Phase::HalfOpen(_)) || self.lapsed(now).is_some() {
            return None;
        }
        self.move_manually(Phase::HalfOpen(Trial::with_more(self.lacking)), now)
    }

    /// Does nothing in a manual state, except in shadow.
    fn move_manually(&mut self, phase: Phase, now: Tick) -> Option<Transition> {
        if !matches!(self.mode(), None | Some(Manual::Shadow)) {
            return None;
        }
        if let Phase::Closed { since, .. } = self.phase {
            self.open_backoff.decayed_while_closed(now.since(since), &self.settings);
        }
        Some(self.enter(phase, now)).filter(|change| change.old != change.new)
    }

    /// Ends a forced open period or an open period that is over, as the next call would. Takes no
    /// slot of the trial (rule 4).
    #[cfg(feature = "tokio")]
    pub(crate) fn lapse(&mut self, now: Tick) -> Option<Transition> {
        self.expire(now).or_else(|| self.end_open_time(now))
    }

    /// Ends a forced open period whose time is over.
    pub(crate) fn expire(&mut self, now: Tick) -> Option<Transition> {
        match self.manual {
            Some(Manual::ForcedOpen { until }) if now >= until => Some(self.shift_manually(None, until)),
            _ => None,
        }
    }
}
