//! Shows the machine's state to calls and to people. Nothing here changes the state.

use super::{Machine, Manual, Phase};
use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::config::types::OnCancel;
use crate::machine::backoff::OpenPeriod;
use crate::machine::output::{Counts, Published, Reading};
use crate::machine::packed::{PackedState, RetryAfter};
use crate::machine::state::State;
use crate::machine::streak_word::{LONGEST, SharedStreak, StreakRule, StreakWord};

impl Machine {
    /// The manual state, or the one that the settings request.
    pub(super) fn mode(&self) -> Option<Manual> {
        self.manual.or_else(|| (!self.settings.enabled).then_some(Manual::Disabled))
    }

    /// Whether it rejects nothing, whatever its settings say.
    fn rejects_nothing(&self) -> bool {
        matches!(self.mode(), Some(Manual::Disabled | Manual::Shadow))
    }

    /// The state that listeners observe.
    pub(super) fn shown_state(&self) -> State {
        match self.mode() {
            Some(Manual::ForcedOpen { .. }) => State::ForcedOpen,
            Some(Manual::Disabled) => State::Disabled,
            Some(Manual::Shadow) => State::Shadow,
            None => self.phase_state(),
        }
    }

    pub(super) fn phase_state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open(_) => State::Open,
            Phase::HalfOpen(_) => State::HalfOpen,
        }
    }

    pub(super) fn reopens(&self, open_period: &OpenPeriod) -> Tick {
        self.open_backoff.end(open_period, &self.settings)
    }

    /// The end of an open period that is over, if no probe has come since.
    pub(super) fn lapsed(&self, now: Tick) -> Option<Tick> {
        match &self.phase {
            Phase::Open(open_period) => Some(self.reopens(open_period)).filter(|end| now >= *end),
            _ => None,
        }
    }

    /// When the current open period ends, by the clock alone, if there is one. In shadow too.
    pub(crate) fn ends(&self) -> Option<Tick> {
        let end = match (self.manual, &self.phase) {
            (Some(Manual::ForcedOpen { until }), _) => until,
            (_, Phase::Open(open_period)) => self.reopens(open_period),
            _ => return None,
        };
        (end != Tick::NEVER).then_some(end)
    }

    /// The time until which every call is rejected, if there is one.
    pub(super) fn shut_until(&self) -> Option<Tick> {
        match self.mode() {
            Some(Manual::ForcedOpen { until }) => Some(until),
            Some(Manual::Disabled | Manual::Shadow) => None,
            None => self.phase_rejected_until(),
        }
    }

    /// The same for the automatic part alone.
    pub(super) fn phase_rejected_until(&self) -> Option<Tick> {
        match &self.phase {
            Phase::Closed { .. } => None,
            Phase::Open(open_period) => Some(self.reopens(open_period)),
            Phase::HalfOpen(trial) => trial.full_until(&self.settings),
        }
    }

    /// The time until which the ramp rejects the next call, if there is a ramp.
    #[cfg(feature = "tokio")]
    pub(crate) fn ramps_until(&self) -> Option<Tick> {
        match (self.mode(), &self.phase, self.settings.ramp) {
            (None, Phase::Closed { ramp: Some(ramp), .. }, Some(length)) => Some(ramp.opens(length)),
            _ => None,
        }
    }

    /// The state at `now`, without changing anything (rules 1 and 4).
    pub(crate) fn state(&self, now: Tick) -> State {
        match (self.shown_state(), self.shut_until()) {
            (State::Open, Some(until)) if now >= until => State::HalfOpen,
            (State::ForcedOpen, Some(until)) if now >= until && !self.settings.enabled => State::Disabled,
            (State::ForcedOpen, Some(until)) if now >= until => State::Closed,
            (shown_state, _) => shown_state,
        }
    }

    /// The state that calls may use without the lock.
    pub(crate) fn publish(&mut self) -> Published {
        let (streak, rule) = self.share_streak();
        let keeps_streak = self.kept_failures > 0 && streak.word.is_empty();
        let until = self.shut_until();
        let phase = match (self.mode(), &self.phase) {
            (Some(Manual::Disabled), _) => PackedState::PASS,
            (_, Phase::Closed { ramp: Some(_), .. }) => PackedState::ASK,
            (_, Phase::Closed { ramp: None, .. }) => 0,
            (_, Phase::Open(_)) => PackedState::ASK,
            (_, Phase::HalfOpen(_)) => PackedState::ASK | PackedState::WATCH,
        };
        let flag = |on: bool, flag: u64| if on { flag } else { 0 };
        let timed = matches!(self.settings.on_cancel, OnCancel::After(_)) || self.settings.slow_call_duration.is_some();
        let flags = phase
            | flag(until.is_some(), PackedState::REJECTS)
            | flag(self.drops > 0 || self.masked_failures.length() > 0 || keeps_streak, PackedState::WATCH)
            | flag(self.settings.has_rules(), PackedState::WINDOW)
            | flag(timed, PackedState::TIMED)
            | flag(self.settings.limits.longest.is_some(), PackedState::LIMITED)
            | flag(self.settings.max_concurrent.is_some() && !self.rejects_nothing(), PackedState::PLACES);
        let packed = PackedState::new(self.shown_state(), self.generation, flags);
        Published { packed, until: until.unwrap_or(Tick::ZERO), streak, rule }
    }

    /// Puts the streak into its word where calls may change it: while the breaker is closed. A
    /// longer streak than a word holds is shared only by its last failure.
    fn share_streak(&mut self) -> (SharedStreak, StreakRule) {
        // The taken word is still in the gate when calls find the new rule.
        self.next_streak_tag();
        let length = self.streak.length();
        let shared = match (&self.phase, self.mode()) {
            (Phase::Closed { .. }, None) if length > LONGEST => 1,
            (Phase::Closed { .. }, None) => length,
            _ => 0,
        };
        self.kept_failures = length - shared;
        self.published_last = self.streak.last();
        let word = StreakWord::new(self.streak_tag, shared, shared > 0 && self.kept_failures > 0, self.streak.last());
        (SharedStreak { word, first: self.streak.first(), last: self.published_last }, self.streak_rule())
    }

    /// How long calls may make the streak. The machine decides about each failure where another
    /// rule evaluates it, and after drops, which it ends.
    fn streak_rule(&self) -> StreakRule {
        let alone = matches!(self.phase, Phase::Closed { .. }) && self.drops == 0 && !self.settings.has_rules();
        let most = if alone { self.max_streak.saturating_sub(1).saturating_sub(self.kept_failures) } else { 0 };
        StreakRule::new(self.streak_tag, most, self.max_gap)
    }

    /// When the last event happened that an eviction would lose. Such events are a failure or slow
    /// call that still counts, the start of a trial or ramp, and the end of an open period. `None`:
    /// it knows nothing that a new machine would not.
    pub(crate) fn last_trouble(&self, now: Tick) -> Option<Tick> {
        let Phase::Closed { ramp, since } = &self.phase else {
            return Some(self.lapsed(now).unwrap_or(self.since));
        };
        let streak = self.streak.counts_at(now, self.max_gap).then(|| self.streak.last());
        let window = self.ruled_window().filter(|window| !window.totals_at(now).is_success());
        let ramps =
            ramp.as_ref().zip(self.settings.ramp).is_some_and(|(ramp, length)| ramp.share(now, length).is_some());
        [streak, window.map(|_| self.last_failed_or_slow), ramps.then_some(*since)].into_iter().flatten().max()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { failures: self.counts.failures + self.uncounted_failures, ..self.counts }
    }

    pub(crate) fn read(&self, now: Tick) -> Reading {
        let (state, until) = (self.state(now), self.shut_until());
        let lapsed = until.filter(|_| state != self.shown_state());
        Reading {
            state,
            since: lapsed.unwrap_or(self.since),
            retry_after: until
                .filter(|until| *until > now)
                .and_then(|until| RetryAfter::until(until, now).shown_in(state)),
            consecutive_failures: self.streak.length(),
            trip: self.trip.filter(|_| !state.is_healthy() || state == State::Shadow),
            counts: self.counts(),
            last_failure: (self.last_failure != Tick::ZERO).then_some(self.last_failure),
            window: self.ruled_window().map(|window| match self.phase {
                Phase::Closed { .. } => window.totals_at(now),
                _ => window.totals(),
            }),
            ramp_share: match (&self.phase, self.settings.ramp) {
                (Phase::Closed { ramp: Some(ramp), .. }, Some(length)) => ramp.share(now, length),
                _ => None,
            },
            settings: Settings::clone(&self.settings),
        }
    }
}
