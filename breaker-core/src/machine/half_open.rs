//! Runs the trial of the half-open state, and leases its slots. Each slot has a lease, so that a
//! lost permit cannot keep one.

use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::machine::trip::{Trip, reaches};
use crate::machine::window::Mark;
use std::time::Duration;

/// A half-open trial. (A number of successes among a number of probes, and the rate after a number
/// of them, follow failsafe-go and resilience4j.)
#[derive(Debug, Default)]
pub(crate) struct Trial {
    probes: Probes,
    successes: u32,
    failures: u32,
    /// Of all probes that ended with a result.
    slow: u32,
    /// Those of the successes that were slow.
    slow_successes: u32,
    /// Slots in addition to those of the settings. They keep a probe without a result from blocking
    /// the next one.
    more: u32,
    /// How many calls were rejected before one failed. It may have waited for them.
    lacked: u64,
    /// How many calls had been rejected when the first probe was admitted.
    rejected_in_all: Option<u64>,
    /// Drops of calls without a slot that were not counted as failures.
    excused: u32,
    /// Successes that do not count, since the calls inside reported only a drop.
    hidden: u32,
}

/// The maximum number of additional slots of a trial. Also the maximum number of drops without a
/// slot that a trial or a ramp does not count as failures.
pub(crate) const MOST: u32 = 16;

/// How many additional slots are needed after this many rejections. A few may belong to the call
/// that failed (a task, a permit around it). After many rejections, additional slots would admit
/// only a part of them.
pub(crate) fn lacking(more: u32, rejected: u64) -> u32 {
    if (1..=u64::from(MOST)).contains(&rejected) { more.saturating_add(1).min(MOST) } else { 0 }
}

/// The decision of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    Close,
    Open(Trip),
}

impl Trial {
    /// A trial with this many additional slots.
    pub(crate) fn with_more(more: u32) -> Self {
        Self { more, ..Self::default() }
    }

    /// How many additional slots the next trial gets, if this one failed: one more, if the lack of
    /// one may have been the reason.
    pub(crate) fn lacking(&self) -> u32 {
        lacking(self.more, self.lacked)
    }

    /// Records a failed call, and how many calls had been rejected by then.
    pub(crate) fn failed(&mut self, probe: u32, rejected_in_all: u64) {
        let before = self.probes.rejected_in_all(probe).or(self.rejected_in_all);
        let meanwhile = before.map_or(0, |before| rejected_in_all.saturating_sub(before));
        if lacking(self.more, meanwhile) > 0 {
            self.lacked = meanwhile;
        }
    }

    /// Takes a slot and returns the probe's number; `None`: no slot is free.
    pub(crate) fn take(&mut self, now: Tick, settings: &Settings) -> Option<u32> {
        let limit = self.limit(settings);
        self.probes.take(now, limit, settings.probe_lease())
    }

    /// Records how many calls had been rejected when this probe was admitted.
    pub(crate) fn watch(&mut self, probe: u32, rejected_in_all: u64) {
        self.rejected_in_all.get_or_insert(rejected_in_all);
        self.probes.watch(probe, rejected_in_all);
    }

    /// Whether a dropped call is not a failure, since calls were rejected after its probe was
    /// admitted. A call without a slot compares with the start of the trial: a call inside has
    /// taken the slot over, or its lease is over.
    pub(crate) fn excuses_drop(&mut self, probe: u32, rejected_in_all: u64) -> bool {
        if self.probes.rejected_in_all(probe).is_some() {
            return self.may_widen(probe, rejected_in_all);
        }
        let excuses = self.excused < MOST && self.rejected_in_all.is_some_and(|before| rejected_in_all > before);
        self.excused += u32::from(excuses);
        excuses
    }

    /// Records a success that does not count because a call inside was dropped. Returns whether
    /// their number reaches the one that closes the breaker.
    pub(crate) fn hides(&mut self, settings: &Settings) -> bool {
        self.hidden = self.hidden.saturating_add(1);
        self.hidden == settings.success_threshold
    }

    /// Takes back the slot of `probe`, if it still holds one. `rejected_in_all`: for a probe
    /// without a result, how many calls had been rejected by now. If more calls were rejected since
    /// its admission, the trial gets one more slot. Returns whether it does.
    pub(crate) fn give_back(&mut self, probe: u32, rejected_in_all: Option<u64>) -> bool {
        let widened = rejected_in_all.is_some_and(|now| self.may_widen(probe, now));
        self.probes.give_back(probe);
        self.more += u32::from(widened);
        widened
    }

    /// Whether the trial gets one more slot if this probe ends without a result: it holds a slot,
    /// and calls were rejected since its admission.
    pub(crate) fn may_widen(&self, probe: u32, rejected_in_all: u64) -> bool {
        self.more < MOST && self.probes.rejected_in_all(probe).is_some_and(|before| rejected_in_all > before)
    }

    /// The time until which no slot is free for certain; `None`: one is free.
    pub(crate) fn full_until(&self, settings: &Settings) -> Option<Tick> {
        self.probes.full_until(self.limit(settings))
    }

    /// How many probes may run at once. A trial of several probes admits no more than it still
    /// needs. It always admits one, so that new settings cannot leave it without a decision.
    fn limit(&self, settings: &Settings) -> u32 {
        let at_once = settings.half_open_max_calls;
        let needed = settings.probes().max(at_once).saturating_sub(self.finished());
        at_once.min(needed.max(1)).saturating_add(self.more)
    }

    fn finished(&self) -> u32 {
        self.successes.saturating_add(self.failures)
    }

    /// Adds the result of a probe that counts.
    pub(crate) fn add(&mut self, mark: Mark) {
        self.slow += u32::from(mark.slow);
        self.slow_successes += u32::from(mark.slow && !mark.failed);
        if mark.failed {
            self.failures += 1;
        } else {
            self.successes += 1;
        }
    }

    pub(crate) fn decide_trial(&self, settings: &Settings) -> Option<Decision> {
        match settings.probe_failure_rate {
            Some(limit) => self.decide_by_rate(settings, limit),
            None => self.decide_by_number(settings),
        }
    }

    fn decide_by_rate(&self, settings: &Settings, limit: f64) -> Option<Decision> {
        let (failed, slow, probes) = (self.failures, self.slow, self.finished());
        if probes < settings.probes() {
            return None;
        }
        if reaches(failed.into(), probes.into(), limit) {
            return Some(Decision::Open(Trip::ProbeFailureRate { failed, probes, limit }));
        }
        match settings.slow_call_duration {
            Some(than) if reaches(slow.into(), probes.into(), settings.slow_call_rate) => {
                let limit = settings.slow_call_rate;
                Some(Decision::Open(Trip::ProbeSlowRate { slow, probes, limit, than }))
            }
            _ => Some(Decision::Close),
        }
    }

    fn decide_by_number(&self, settings: &Settings) -> Option<Decision> {
        let (needed, tolerated) = (settings.success_threshold, settings.probes() - settings.success_threshold);
        // A slow success does not count where the slow rule opens the breaker.
        let than = settings.slow_call_duration.unwrap_or_default();
        let slow = settings.slow_call_duration.map_or(0, |_| self.slow_successes);
        let (successes, failed) = (self.successes - slow, self.failures);
        if successes >= needed {
            return Some(Decision::Close);
        }
        if failed.saturating_add(slow) <= tolerated {
            return None;
        }
        Some(Decision::Open(match tolerated {
            0 if failed == 0 => Trip::SlowProbe { successes, of: needed, than },
            0 => Trip::Probe { successes, of: needed },
            _ => Trip::Trial { failed, slow, than, probes: self.finished(), needed },
        }))
    }
}

/// The slots that probes hold. Never more than the requested limit.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    leases: Vec<Lease>,
    last: u32,
}

#[derive(Debug)]
struct Lease {
    probe: u32,
    until: Tick,
    /// How many calls had been rejected when the probe was admitted.
    rejected_in_all: u64,
}

impl Probes {
    /// Takes a slot for `lease` and returns the probe's number, from 1. `None`: all `limit` slots
    /// are held.
    pub(crate) fn take(&mut self, now: Tick, limit: u32, lease: Duration) -> Option<u32> {
        self.leases.retain(|held| held.until > now);
        if self.leases.len() >= limit as usize {
            return None;
        }
        // 0 means no slot.
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.leases.push(Lease { probe: self.last, until: now.after(lease), rejected_in_all: u64::MAX });
        Some(self.last)
    }

    /// Records how many calls had been rejected when this probe was admitted.
    pub(crate) fn watch(&mut self, probe: u32, rejected_in_all: u64) {
        self.leases
            .iter_mut()
            .filter(|held| held.probe == probe)
            .for_each(|held| held.rejected_in_all = rejected_in_all);
    }

    /// How many calls had been rejected when this probe was admitted, if it still holds its slot.
    pub(crate) fn rejected_in_all(&self, probe: u32) -> Option<u64> {
        self.leases.iter().find(|held| held.probe == probe).map(|held| held.rejected_in_all)
    }

    /// Takes back the slot of `probe`, if it still holds one.
    pub(crate) fn give_back(&mut self, probe: u32) {
        self.leases.retain(|held| held.probe != probe);
    }

    /// The time until which no slot is free for certain, if `limit` or more are held; `None`: one
    /// is free. More than `limit` can be held after the limit was lowered.
    pub(crate) fn full_until(&self, limit: u32) -> Option<Tick> {
        let surplus = self.leases.len().checked_sub(limit as usize)?;
        let mut ends: Vec<_> = self.leases.iter().map(|held| held.until).collect();
        ends.sort_unstable();
        ends.get(surplus).copied()
    }
}
