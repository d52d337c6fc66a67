//! Hand: what people do to the reference, how it goes from state to state, and what it shows.

use crate::keys::Keys;
use crate::reference::{Counts, End, Manual, Opening, Phase, Reference, Told};
use crate::step::Hand;
use breaker_core::State;
use std::time::Duration;

impl Reference {
    pub(crate) fn by_hand(&mut self, hand: Hand) {
        self.expire();
        match hand {
            Hand::ForceOpen => self.set_manual(Some(Manual::ForcedOpen { until: None })),
            Hand::ForceOpenFor(span) => self.set_manual(Some(Manual::ForcedOpen { until: Some(self.now + span) })),
            Hand::Disable => self.set_manual(Some(Manual::Disabled)),
            Hand::Shadow => self.set_manual(Some(Manual::Shadow)),
            Hand::Release => self.set_manual(None),
            Hand::Reset => self.reset(),
            Hand::Trip => self.trip(End::Follows),
            Hand::TripFor(span) => self.trip(End::Fixed(self.now + span)),
            Hand::HalfOpen if matches!(self.phase, Phase::HalfOpen(_)) || self.is_lapsed() => {}
            Hand::HalfOpen => self.move_by_hand(Phase::HalfOpen(self.next_trial())),
        }
    }

    fn set_manual(&mut self, manual: Option<Manual>) {
        if self.manual != manual {
            self.start_closed(manual);
        }
    }

    /// Nothing is left of what was: no run, no ramp, no backoff.
    fn start_closed(&mut self, manual: Option<Manual>) {
        (self.failed_recoveries, self.lacking) = (0, 0);
        self.go(manual, Phase::Closed { since: self.now, ramp: None }, self.now);
    }

    fn reset(&mut self) {
        let old = self.told_state();
        let (told, run) = (self.told.len(), self.run.len() as u32);
        self.start_closed(None);
        self.told.truncate(told);
        self.told.push(Told { states: (old, self.told_state()), run, shadow: false, reset: true });
        (self.counts, self.last_failure, self.last_error) = (Counts::default(), None, None);
    }

    fn trip(&mut self, end: End) {
        self.opened_by.clear();
        self.move_by_hand(Phase::Open(Opening { since: self.now, asked: Duration::ZERO, end }));
        self.agree_on_jitter();
    }

    fn move_by_hand(&mut self, phase: Phase) {
        if matches!(self.mode(), None | Some(Manual::Shadow)) {
            self.rest();
            self.go(self.manual, phase, self.now);
        }
    }

    /// A forced open period that is over goes on closed.
    pub(crate) fn expire(&mut self) {
        if let Some(Manual::ForcedOpen { until: Some(until) }) = self.manual
            && until <= self.now
        {
            (self.failed_recoveries, self.lacking) = (0, 0);
            self.go(None, Phase::Closed { since: until, ramp: None }, until);
        }
    }

    /// Takes other settings, unless keys contradict each other.
    pub(crate) fn reconfigure(&mut self, change: Keys) -> bool {
        let keys = change.over(self.keys);
        let wrong = change.contradictions().len() + keys.contradictions().len() + keys.orphans().len();
        if wrong > 0 {
            return false;
        }
        self.expire();
        self.end_what_is_over();
        let old = self.told_state();
        let toggled = keys.enabled.unwrap_or(true) != self.keys.enabled.unwrap_or(true) && self.manual.is_none();
        self.take(keys);
        if toggled {
            self.toggle(old);
        }
        self.agree_on_jitter();
        if self.is_lapsed() {
            self.fix_end(self.now);
        }
        true
    }

    fn take(&mut self, keys: Keys) {
        if keys.slow_call_duration != self.keys.slow_call_duration {
            self.record.forget_slow();
            self.under_way.clear();
        }
        if keys.window() != self.keys.window() {
            self.record.clear();
        }
        if let (Phase::Closed { ramp: Some(ramp), .. }, Some(old), Some(new)) =
            (&mut self.phase, self.keys.ramp, keys.ramp)
        {
            ramp.sum = ramp.sum * new.as_nanos() / old.as_nanos();
        }
        self.keys = keys;
    }

    /// What is over does not begin again because it might have been longer.
    fn end_what_is_over(&mut self) {
        let (share, end) = (self.ramp_share(), self.shut_until());
        match (&mut self.phase, end) {
            (Phase::Closed { ramp, .. }, _) if share.is_none() => *ramp = None,
            (Phase::Open(_), Some(end)) if end <= self.now => self.fix_end(end),
            _ => {}
        }
    }

    fn fix_end(&mut self, end: Duration) {
        if let Phase::Open(opening) = &mut self.phase
            && !matches!(opening.end, End::Fixed(_))
        {
            opening.end = End::Fixed(end);
        }
    }

    /// The settings switch it off or on.
    fn toggle(&mut self, old: State) {
        let (told, run) = (self.told.len(), self.run.len() as u32);
        self.start_closed(None);
        self.told.truncate(told);
        self.told.push(Told { states: (old, self.told_state()), run, shadow: false, reset: false });
        self.since = self.now;
    }

    /// Goes to another state, and reports it if it looks like another one.
    pub(crate) fn go(&mut self, manual: Option<Manual>, phase: Phase, at: Duration) {
        let before = (self.told_state(), self.phase_state());
        let run = self.run.len() as u32;
        if matches!(self.phase, Phase::Closed { .. }) && self.keys.looks_at_window() && before.1 != state_of(&phase) {
            let sums = self.record.agree(self.seen.window, self.keys.window(), self.now);
            self.record.keep(sums);
        }
        (self.manual, self.phase) = (manual, phase);
        self.generation += 1;
        self.under_way.clear();
        if matches!(self.phase, Phase::Closed { .. }) {
            self.run.clear();
            self.opened_by.clear();
            self.record.go_on();
        }
        let after = (self.told_state(), self.phase_state());
        if after.0 != before.0 {
            self.since = at;
        }
        let shadow = (before.0, after.0) == (State::Shadow, State::Shadow);
        let states = if shadow { (before.1, after.1) } else { (before.0, after.0) };
        if states.0 != states.1 {
            self.told.push(Told { states, run, shadow, reset: false });
        }
    }

    /// The manual state, or the one that the settings ask for.
    pub(crate) fn mode(&self) -> Option<Manual> {
        self.manual.or((self.keys.enabled == Some(false)).then_some(Manual::Disabled))
    }

    fn phase_state(&self) -> State {
        state_of(&self.phase)
    }

    /// The state that listeners know of.
    fn told_state(&self) -> State {
        match self.mode() {
            Some(Manual::ForcedOpen { .. }) => State::ForcedOpen,
            Some(Manual::Disabled) => State::Disabled,
            Some(Manual::Shadow) => State::Shadow,
            None => self.phase_state(),
        }
    }

    /// When its automatic part lets calls in again, of which it lets none in now.
    pub(crate) fn shut_until(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Closed { .. } => None,
            Phase::Open(Opening { end: End::Agreed(end) | End::Fixed(end), .. }) => Some(*end),
            Phase::Open(Opening { since, asked, end: End::Follows }) => {
                let asked = (*asked).min(self.keys.longest());
                Some(*since + self.keys.open_time(self.failed_recoveries).max(asked))
            }
            Phase::HalfOpen(trial) => trial.full_until(self.now, &self.keys),
        }
    }

    /// Its open time is over, and no probe has come yet.
    pub(crate) fn is_lapsed(&self) -> bool {
        matches!(self.phase, Phase::Open(_)) && self.shut_until().is_some_and(|end| end <= self.now)
    }

    /// The state, and since when.
    pub(crate) fn state(&self) -> (State, Duration) {
        let closed = if self.keys.enabled == Some(false) { State::Disabled } else { State::Closed };
        match (self.mode(), self.shut_until()) {
            (Some(Manual::ForcedOpen { until: Some(until) }), _) if until <= self.now => (closed, until),
            (None, Some(end)) if self.is_lapsed() => (State::HalfOpen, end),
            _ => (self.told_state(), self.since),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let left = |until: Option<Duration>| until.filter(|until| *until > self.now).map(|until| until - self.now);
        match self.mode() {
            Some(Manual::ForcedOpen { until }) => left(until),
            Some(_) => None,
            None if matches!(self.phase, Phase::HalfOpen(_)) => {
                left(self.shut_until()).map(|left| left.max(Duration::from_secs(1)))
            }
            None => left(self.shut_until()),
        }
    }

    pub(crate) fn is_in_shadow(&self) -> bool {
        self.manual == Some(Manual::Shadow)
    }

    /// When what is under way ends.
    pub(crate) fn ends(&self) -> Vec<Duration> {
        let mut ends: Vec<_> = self.shut_until().into_iter().collect();
        match &self.phase {
            Phase::Closed { since, .. } => {
                ends.extend(self.keys.ramp.map(|length| *since + length));
                ends.push(*since + self.keys.open_time(self.failed_recoveries));
            }
            Phase::HalfOpen(trial) => ends.extend(trial.slots.iter().map(|slot| slot.until)),
            Phase::Open(_) => {}
        }
        if let Some(Manual::ForcedOpen { until: Some(until) }) = self.manual {
            ends.push(until);
        }
        ends.extend(self.run.last().zip(self.keys.fail_window()).map(|(last, span)| *last + span));
        ends.extend(self.record.ends(self.keys.window()));
        ends
    }
}

fn state_of(phase: &Phase) -> State {
    match phase {
        Phase::Closed { .. } => State::Closed,
        Phase::Open(_) => State::Open,
        Phase::HalfOpen(_) => State::HalfOpen,
    }
}
