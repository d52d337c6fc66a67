//! Reference: the whole breaker as plain sequential code, written from what is promised of it, and
//! as simple as that can be.
//!
//! Where a promise leaves room (the parts of a window of time, jitter), it looks at what the
//! breaker shows and judges that.

use crate::keys::Keys;
use crate::record::{Made, Record, Sums};
use breaker_core::{OnCancel, OnPanic, State};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Reference {
    /// What the breaker was made with.
    pub(crate) code: Keys,
    pub(crate) keys: Keys,
    /// All times are since the breaker was made.
    pub(crate) now: Duration,
    pub(crate) seen: Seen,
    pub(crate) manual: Option<Manual>,
    pub(crate) phase: Phase,
    /// Counts what came between: a call's result decides something only if nothing did.
    pub(crate) generation: u64,
    pub(crate) since: Duration,
    /// When the failures of the run were.
    pub(crate) run: Vec<Duration>,
    pub(crate) record: Record,
    /// Slots that the next trial has beyond those of the settings, since this many in a row failed
    /// when a few calls were turned away.
    pub(crate) lacking: u32,
    /// Recoveries that failed, for the backoff.
    pub(crate) failed_recoveries: u32,
    /// The rules that held when it opened.
    pub(crate) opened_by: Vec<Rule>,
    pub(crate) counts: Counts,
    pub(crate) last_failure: Option<Duration>,
    pub(crate) last_error: Option<&'static str>,
    pub(crate) told: Vec<Told>,
    /// Calls that may become slow before they end.
    pub(crate) under_way: Vec<Call>,
}

/// What the breaker shows after the step that is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) window: Sums,
    pub(crate) retry_after: Option<Duration>,
    /// A rule has opened it.
    pub(crate) opened: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manual {
    ForcedOpen { until: Option<Duration> },
    Disabled,
    Shadow,
}

#[derive(Debug)]
pub(crate) enum Phase {
    Closed { since: Duration, ramp: Option<Ramp> },
    Open(Opening),
    HalfOpen(Trial),
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed { since: Duration::ZERO, ramp: None }
    }
}

/// Each call adds the present share to a sum, and passes when that is a whole call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ramp {
    /// In nanoseconds of the ramp's length, which are a whole call.
    pub(crate) sum: u128,
    pub(crate) asked: bool,
    /// How many calls pass that the ramp would reject. The last recovery failed when a few were
    /// rejected, and a few still are.
    pub(crate) more: u32,
    pub(crate) left: u32,
    pub(crate) rejected_in_all: u32,
    /// Drops that were no failures, since others had been rejected.
    pub(crate) spared: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) since: Duration,
    pub(crate) asked: Duration,
    pub(crate) end: End,
}

/// When an opening ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// As the settings say.
    Follows,
    /// As the breaker says, within what the settings say.
    Agreed(Duration),
    Fixed(Duration),
}

#[derive(Debug, Default)]
pub(crate) struct Trial {
    pub(crate) slots: Vec<Slot>,
    pub(crate) last: u64,
    /// Calls that found no free slot.
    pub(crate) rejected_in_all: u64,
    /// Slots beyond those of the settings: one for each probe that ended without a result while
    /// calls were turned away.
    pub(crate) more: u32,
    /// A call failed after a few others had been turned away.
    pub(crate) lacks: bool,
    /// Drops of calls without a slot that were no failures, since others had been rejected.
    pub(crate) spared: u32,
    pub(crate) successes: u32,
    pub(crate) failures: u32,
    /// Of all that came back.
    pub(crate) slow: u32,
    pub(crate) slow_successes: u32,
}

/// The place of a probe, which it has until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) id: u64,
    pub(crate) until: Duration,
    /// How many calls had been turned away when it was taken.
    pub(crate) rejected_in_all: u64,
}

/// Why it opened, with the numbers that tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    Run(usize),
    FailureRate(u64),
    SlowRate(u64),
    WindowFails(u64, u64),
    Probe(u32, u32),
    SlowProbe(u32, u32),
    /// Failed, slow without having failed, all, needed.
    Trial(u32, u32, u32, u32),
    ProbeFailureRate(u32),
    ProbeSlowRate(u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) rejected: u64,
    pub(crate) shadow_rejected: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) states: (State, State),
    pub(crate) run: u32,
    pub(crate) shadow: bool,
    pub(crate) reset: bool,
}

/// A call that was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) generation: u64,
    pub(crate) counted: bool,
    pub(crate) slot: Option<u64>,
    pub(crate) began: Duration,
    /// Its time was noted, since something asked for it when it began.
    pub(crate) timed: bool,
    /// Calls of the same breaker were made inside of it: how long it took says nothing of the
    /// service.
    pub(crate) nested: bool,
    /// It is among those that may become slow before they end.
    pub(crate) watched: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Success,
    Ignored,
    Failure(Option<Duration>),
    Panicked,
    Dropped,
    /// A stream, dropped after an item: how long its reader had waited for the next one, if it did.
    #[allow(dead_code, reason = "only the model of nested calls has streams")]
    Left(Option<Duration>),
}

impl Ending {
    pub(crate) fn is_drop(self) -> bool {
        matches!(self, Self::Dropped | Self::Left(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Counted {
    Success,
    Failure,
    Ignored,
    Cancelled,
}

pub(crate) type FallbackContext = (State, Option<Duration>);

impl Reference {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { code: keys, keys, generation: 1, ..Self::default() }
    }

    pub(crate) fn admit(&mut self) -> Result<Call, FallbackContext> {
        self.expire();
        let (counted, admitted) = match self.mode() {
            Some(Manual::ForcedOpen { until }) => (true, Err((State::ForcedOpen, until.map(|until| until - self.now)))),
            Some(Manual::Disabled) => (false, Ok(None)),
            Some(Manual::Shadow) | None => {
                self.look_at_calls_under_way();
                (true, self.ask())
            }
        };
        let is_watched = counted && self.may_become_slow();
        let call = |generation, slot| Call {
            generation,
            counted,
            slot,
            began: self.now,
            timed: self.keys.are_timed(),
            nested: false,
            watched: false,
        };
        match admitted {
            Ok(slot) => {
                let call = Call { watched: is_watched, ..call(self.generation, slot) };
                self.under_way.extend(is_watched.then_some(call));
                Ok(call)
            }
            Err(_) if self.manual == Some(Manual::Shadow) => {
                self.counts.shadow_rejected += 1;
                // What would not have been made decides nothing.
                Ok(call(0, None))
            }
            Err(rejection) => {
                self.counts.rejected += 1;
                Err(rejection)
            }
        }
    }

    fn ask(&mut self) -> Result<Option<u64>, FallbackContext> {
        if self.is_lapsed() {
            let end = self.shut_until().unwrap_or(self.now);
            self.go(self.manual, Phase::HalfOpen(self.next_trial()), end);
        }
        let (now, keys) = (self.now, self.keys);
        match &mut self.phase {
            Phase::Closed { since, ramp } => Self::ask_ramp(ramp, now - *since, &keys).map(|()| None),
            Phase::Open(_) => Err((State::Open, self.shut_until().map(|end| end - now))),
            Phase::HalfOpen(trial) => {
                trial.slots.retain(|slot| slot.until > now);
                match trial.full_until(now, &keys) {
                    Some(end) => {
                        trial.rejected_in_all += 1;
                        Err((State::HalfOpen, Some((end - now).max(Duration::from_secs(1)))))
                    }
                    None => Ok(Some(trial.take(now + keys.probe_timeout()))),
                }
            }
        }
    }

    fn ask_ramp(ramp: &mut Option<Ramp>, passed: Duration, keys: &Keys) -> Result<(), FallbackContext> {
        let (Some(running), Some(length)) = (ramp.as_mut(), keys.ramp) else { return Ok(()) };
        if passed >= length {
            *ramp = None;
            return Ok(());
        }
        running.sum += passed.as_nanos();
        let whole = running.sum >= length.as_nanos();
        running.sum -= if whole { length.as_nanos() } else { 0 };
        let first = !std::mem::replace(&mut running.asked, true);
        let passes = whole || first || running.left > 0;
        if !whole && !first {
            running.left = running.left.saturating_sub(1);
        }
        running.rejected_in_all += u32::from(!passes);
        if passes { Ok(()) } else { Err((State::Closed, Some((length - passed).min(Duration::from_secs(1))))) }
    }

    pub(crate) fn settle(&mut self, call: Call, ending: Ending) {
        self.forget(call);
        if !call.counted {
            return;
        }
        let took = call.timed.then(|| self.now - call.began);
        let counted = self.judge(call, ending, took);
        self.note_spared(call, ending, took);
        self.count(counted);
        if call.generation != self.generation {
            return;
        }
        let slow =
            !call.nested && matches!((took, self.keys.slow_call_duration), (Some(took), Some(limit)) if took > limit);
        let rules = self.decide(call, counted, slow);
        let opens = !rules.is_empty();
        // A failed probe that closes it is of the past.
        let stands = call.generation == self.generation;
        let lingers = stands && (self.keys.looks_at_window() || matches!(self.phase, Phase::HalfOpen(_)));
        if counted == Counted::Failure && (self.run.len() == 1 || lingers || opens) {
            self.last_error = Some(name(ending));
        }
        if opens {
            let asked = if let Ending::Failure(Some(asked)) = ending { asked } else { Duration::ZERO };
            self.open(rules, asked);
        }
    }

    /// What a call of this generation comes to; gives the rules that open it.
    fn decide(&mut self, call: Call, counted: Counted, slow: bool) -> Vec<Rule> {
        let made = Made { at: self.now, failed: counted == Counted::Failure, slow };
        let result = matches!(counted, Counted::Success | Counted::Failure);
        match &mut self.phase {
            // A dropped call has no result, but when it was slow, that is known.
            Phase::Closed { .. } if result || (slow && counted == Counted::Cancelled) => self.closed_call(made, result),
            Phase::HalfOpen(trial) => {
                trial.lacks |= made.failed && trial.kept_out_few(call.slot);
                trial.give_back(call.slot, result);
                if result { self.probe(made) } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn judge(&self, call: Call, ending: Ending, took: Option<Duration>) -> Counted {
        let counted = self.judge_alone(ending, took);
        if counted == Counted::Failure && self.spares(call, ending) { Counted::Cancelled } else { counted }
    }

    /// Whether it may be dropped since another one was rejected on trial, or during a ramp. Where a
    /// time says which drops fail, it has hung.
    fn spares(&self, call: Call, ending: Ending) -> bool {
        let binds = ending.is_drop() && call.generation == self.generation;
        binds
            && self.keys.on_cancel == Some(OnCancel::Failure)
            && match &self.phase {
                Phase::HalfOpen(trial) => trial.spares(call.slot),
                Phase::Closed { ramp: Some(ramp), .. } => ramp.rejected_in_all > 0 && ramp.spared < 16,
                _ => false,
            }
    }

    /// Counts a drop that would be a failure and is none.
    pub(crate) fn note_spared(&mut self, call: Call, ending: Ending, took: Option<Duration>) {
        if self.judge_alone(ending, took) != Counted::Failure || !self.spares(call, ending) {
            return;
        }
        match &mut self.phase {
            Phase::HalfOpen(trial) if !trial.holds(call.slot) => trial.spared += 1,
            Phase::Closed { ramp: Some(ramp), .. } => ramp.spared += 1,
            _ => {}
        }
    }

    fn judge_alone(&self, ending: Ending, took: Option<Duration>) -> Counted {
        let on_cancel = self.keys.on_cancel.unwrap_or(OnCancel::Ignore);
        match (ending, on_cancel) {
            (Ending::Success, _) => Counted::Success,
            (Ending::Ignored, _) => Counted::Ignored,
            (Ending::Panicked, _) if self.keys.on_panic == Some(OnPanic::Ignore) => Counted::Ignored,
            (Ending::Failure(_) | Ending::Panicked, _) | (Ending::Dropped, OnCancel::Failure) => Counted::Failure,
            (Ending::Dropped, OnCancel::After(limit)) if took.is_some_and(|took| took >= limit) => Counted::Failure,
            (Ending::Dropped, _) => Counted::Cancelled,
            (Ending::Left(Some(_)), OnCancel::Failure) => Counted::Failure,
            (Ending::Left(Some(waited)), OnCancel::After(limit)) if waited >= limit => Counted::Failure,
            (Ending::Left(_), _) => Counted::Success,
        }
    }

    fn count(&mut self, counted: Counted) {
        let count = match counted {
            Counted::Success => &mut self.counts.successes,
            Counted::Failure => &mut self.counts.failures,
            Counted::Ignored => &mut self.counts.ignored,
            Counted::Cancelled => &mut self.counts.cancelled,
        };
        *count += 1;
        if counted == Counted::Failure {
            self.last_failure = Some(self.now);
        }
    }
}

fn name(ending: Ending) -> &'static str {
    match ending {
        Ending::Panicked => "panic",
        Ending::Dropped | Ending::Left(_) => "cancelled",
        _ => "failure",
    }
}
