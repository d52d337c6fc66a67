//! Verdict: the rules that open the reference, and how its trials end.

use crate::keys::Keys;
use crate::record::Made;
use crate::reference::{Call, End, Opening, Phase, Ramp, Reference, Rule, Slot, Trial};
use std::time::Duration;

/// At least this share.
fn reaches(part: u64, whole: u64, share: f64) -> bool {
    part > 0 && part as f64 / whole as f64 >= share
}

impl Reference {
    /// A call of a closed breaker; gives the rules that hold now.
    pub(crate) fn closed_call(&mut self, made: Made, result: bool) -> Vec<Rule> {
        if made.failed {
            let forgotten = |last: &Duration| self.keys.fail_window().is_some_and(|span| self.now - *last > span);
            if self.run.last().is_some_and(forgotten) {
                self.run.clear();
            }
            self.run.push(self.now);
        } else if result {
            self.run.clear();
        }
        let mut rules = Vec::new();
        let most = self.keys.fail_max(&self.code);
        if made.failed && most.is_some_and(|most| self.run.len() >= most as usize) {
            rules.push(Rule::Run(self.run.len()));
        }
        if self.keys.looks_at_window() {
            self.record.add(made);
            rules.extend(self.window_rules());
        }
        rules
    }

    fn window_rules(&self) -> Vec<Rule> {
        let (calls, failed, slow) = self.record.agree(self.seen.window, self.keys.window(), self.now);
        let enough = calls >= self.keys.min_calls();
        let slow_call_rate = self.keys.slow_call_duration.map(|_| self.keys.slow_call_rate.unwrap_or(0.5));
        let holds = |limit: Option<f64>, part| enough && limit.is_some_and(|limit| reaches(part, calls, limit));
        let many = self.keys.window_fail_max().is_some_and(|most| failed >= most);
        let rules = [
            (holds(self.keys.failure_rate, failed), Rule::FailureRate(calls)),
            (holds(slow_call_rate, slow), Rule::SlowRate(calls)),
            (many, Rule::WindowFails(failed, calls)),
        ];
        rules.into_iter().filter_map(|(holds, rule)| holds.then_some(rule)).collect()
    }

    /// A call that asks opens it where calls that are under way and slow already make the slow rule
    /// hold. A call is among them when it is slow by a sixteenth at most, and is no more after four
    /// times as long. At both limits it is as the breaker shows.
    pub(crate) fn look_at_calls_under_way(&mut self) {
        let Some(slow_call_duration) = self.keys.slow_call_duration.filter(|_| self.may_become_slow()) else { return };
        let part = Duration::from_nanos(slow_call_duration.as_nanos().div_ceil(16) as u64);
        let count = |from: u32, to: u32| {
            let ages = self.under_way.iter().map(|call| self.now - call.began);
            ages.filter(|age| (part * from..part * to).contains(age)).count() as u64
        };
        let (least, most) = (count(17, 63), count(16, 64));
        if most == 0 {
            return;
        }
        let (calls, _, slow) = self.record.agree(self.seen.window, self.keys.window(), self.now);
        let limit = self.keys.slow_call_rate.unwrap_or(0.5);
        let holds = |more: u64| calls + more >= self.keys.min_calls() && reaches(slow + more, calls + more, limit);
        if least > 0 && holds(least) || self.seen.opened && holds(most) {
            let rules = (least.max(1)..=most).filter(|more| holds(*more)).map(|more| Rule::SlowRate(calls + more));
            self.open(rules.collect(), Duration::ZERO);
        }
    }

    /// It is no more among those that may become slow.
    pub(crate) fn forget(&mut self, call: Call) {
        let same = |one: &Call| (one.began, one.generation) == (call.began, call.generation);
        if let Some(at) = self.under_way.iter().position(same).filter(|_| call.watched) {
            self.under_way.remove(at);
        }
    }

    /// Whether a call that begins now is watched: while it is closed without a ramp.
    pub(crate) fn may_become_slow(&self) -> bool {
        self.keys.slow_call_duration.is_some() && matches!(self.phase, Phase::Closed { ramp: None, .. })
    }

    /// A probe's result; gives the rules by which it opens again, and closes by itself.
    pub(crate) fn probe(&mut self, made: Made) -> Vec<Rule> {
        let keys = self.keys;
        let Phase::HalfOpen(trial) = &mut self.phase else { unreachable!() };
        trial.slow += u32::from(made.slow);
        trial.slow_successes += u32::from(made.slow && !made.failed);
        if made.failed {
            trial.failures += 1;
            self.run.push(self.now);
        } else {
            trial.successes += 1;
            self.run.clear();
        }
        match trial.verdict(&keys) {
            Verdict::Opens(rules) => return rules,
            Verdict::Closes => self.close(),
            Verdict::None => {}
        }
        Vec::new()
    }

    fn close(&mut self) {
        let more = std::mem::take(&mut self.lacking);
        let ramp = self.keys.ramp.map(|_| Ramp { more, left: more, ..Ramp::default() });
        self.go(self.manual, Phase::Closed { since: self.now, ramp }, self.now);
    }

    /// A trial with the slots that the last one lacked.
    pub(crate) fn next_trial(&self) -> Trial {
        Trial { more: self.lacking, ..Trial::default() }
    }

    /// Opens by rules. One that opens on trial or during its ramp has failed to recover.
    pub(crate) fn open(&mut self, rules: Vec<Rule>, asked: Duration) {
        self.lacking = match &self.phase {
            Phase::HalfOpen(trial) if trial.lacks => (trial.more + 1).min(16),
            Phase::Closed { ramp: Some(ramp), .. }
                if self.ramp_share().is_some() && (1..=16).contains(&ramp.rejected_in_all) =>
            {
                (ramp.more + 1).min(16)
            }
            _ => 0,
        };
        if matches!(self.phase, Phase::HalfOpen(_)) || self.ramp_share().is_some() {
            let longer = self.keys.open_time(self.failed_recoveries + 1) > self.keys.open_time(self.failed_recoveries);
            self.failed_recoveries += u32::from(longer);
        } else {
            self.rest();
        }
        self.opened_by = rules;
        self.go(self.manual, Phase::Open(Opening { since: self.now, asked, end: End::Follows }), self.now);
        self.agree_on_jitter();
    }

    /// A step back for each present open time spent closed.
    pub(crate) fn rest(&mut self) {
        let Phase::Closed { since, .. } = self.phase else { return };
        let mut rest = self.now - since;
        while self.failed_recoveries > 0 && rest >= self.keys.open_time(self.failed_recoveries) {
            rest -= self.keys.open_time(self.failed_recoveries);
            self.failed_recoveries -= 1;
        }
    }

    /// The present share of calls during a ramp.
    pub(crate) fn ramp_share(&self) -> Option<f64> {
        match (&self.phase, self.keys.ramp) {
            (Phase::Closed { since, ramp: Some(_) }, Some(length)) if self.now - *since < length => {
                Some((self.now - *since).as_secs_f64() / length.as_secs_f64())
            }
            _ => None,
        }
    }

    /// With jitter the breaker says when an opening ends, within bounds.
    pub(crate) fn agree_on_jitter(&mut self) {
        let (keys, now, shown) = (self.keys, self.now, self.seen.retry_after);
        let least = keys.open_time(self.failed_recoveries);
        let Phase::Open(opening) = &mut self.phase else { return };
        if matches!(opening.end, End::Fixed(_)) {
            return;
        }
        opening.end = End::Follows;
        let Some(jitter) = keys.backoff.map(|it| it.jitter).filter(|jitter| *jitter > 0.0) else { return };
        let asked = opening.asked.min(keys.longest());
        let (first, last) = (opening.since + least.max(asked), opening.since + least.mul_f64(1.0 + jitter).max(asked));
        let end = now + shown.unwrap_or_default();
        let agrees = if shown.is_some() { (first..=last).contains(&end) } else { first <= now };
        assert!(agrees, "open until {end:?}, which is not between {first:?} and {last:?}");
        opening.end = End::Agreed(end);
    }
}

enum Verdict {
    None,
    Closes,
    Opens(Vec<Rule>),
}

impl Trial {
    pub(crate) fn take(&mut self, until: Duration) -> u64 {
        self.last += 1;
        self.slots.push(Slot { id: self.last, until, rejected_in_all: self.rejected_in_all });
        self.last
    }

    pub(crate) fn holds(&self, slot: Option<u64>) -> bool {
        self.slots.iter().any(|held| Some(held.id) == slot)
    }

    /// Whether a few calls were turned away since this probe was let in, or in this trial, if it
    /// holds no slot.
    pub(crate) fn kept_out_few(&self, slot: Option<u64>) -> bool {
        let before = self.slots.iter().find(|held| Some(held.id) == slot).map_or(0, |held| held.rejected_in_all);
        (1..=16).contains(&(self.rejected_in_all - before))
    }

    /// Whether a drop is no failure, since another call was rejected. For a probe that is a
    /// rejection while it held its slot, for any other call one in this trial.
    pub(crate) fn spares(&self, slot: Option<u64>) -> bool {
        if self.holds(slot) { self.would_give_more(slot) } else { self.spared < 16 && self.rejected_in_all > 0 }
    }

    /// Whether the end of this probe leaves a slot more, if it has no result.
    pub(crate) fn would_give_more(&self, slot: Option<u64>) -> bool {
        let kept_out = |held: &Slot| Some(held.id) == slot && held.rejected_in_all < self.rejected_in_all;
        self.more < 16 && self.slots.iter().any(kept_out)
    }

    /// A probe is over. One without a result that kept others out leaves a slot more, of which
    /// there are 16 at most.
    pub(crate) fn give_back(&mut self, slot: Option<u64>, result: bool) {
        let Some(place) = self.slots.iter().position(|held| Some(held.id) == slot) else { return };
        let held = self.slots.remove(place);
        if !result && held.rejected_in_all < self.rejected_in_all {
            self.more = (self.more + 1).min(16);
        }
    }

    /// When a slot gets free, if none is. No more are given than the trial still needs, and one
    /// always; then those beyond.
    pub(crate) fn full_until(&self, now: Duration, keys: &Keys) -> Option<Duration> {
        let most = keys.half_open_max_calls();
        let needed = keys.probes().max(most).saturating_sub(self.successes + self.failures).max(1);
        let slots = (most.min(needed) + self.more) as usize;
        let mut held: Vec<_> = self.slots.iter().map(|held| held.until).filter(|until| *until > now).collect();
        held.sort_unstable();
        held.len().checked_sub(slots).map(|surplus| held[surplus])
    }

    fn verdict(&self, keys: &Keys) -> Verdict {
        let (probes, needed) = (self.successes + self.failures, keys.success_threshold());
        if let Some(limit) = keys.probe_failure_rate {
            let slow_call_rate = keys.slow_call_rate.unwrap_or(0.5);
            let failed = reaches(self.failures.into(), probes.into(), limit);
            let slow = keys.slow_call_duration.is_some() && reaches(self.slow.into(), probes.into(), slow_call_rate);
            let rules = [(failed, Rule::ProbeFailureRate(probes)), (slow, Rule::ProbeSlowRate(probes))];
            let rules: Vec<_> = rules.into_iter().filter_map(|(holds, rule)| holds.then_some(rule)).collect();
            return match probes < keys.probes() {
                true => Verdict::None,
                false if rules.is_empty() => Verdict::Closes,
                false => Verdict::Opens(rules),
            };
        }
        let spare = keys.probes() - needed;
        let slow = if keys.slow_call_duration.is_some() { self.slow_successes } else { 0 };
        let successes = self.successes - slow;
        if successes >= needed {
            Verdict::Closes
        } else if self.failures + slow <= spare {
            Verdict::None
        } else if spare > 0 {
            Verdict::Opens(vec![Rule::Trial(self.failures, slow, probes, needed)])
        } else if self.failures > 0 {
            Verdict::Opens(vec![Rule::Probe(successes, needed)])
        } else {
            Verdict::Opens(vec![Rule::SlowProbe(successes, needed)])
        }
    }
}
