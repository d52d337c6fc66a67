//! Inside: what calls within calls of one breaker come to, as plain sequential code over two
//! references of single breakers.
//!
//! It is notified of each thing in the order in which it happens. A call is asked for, its body is
//! polled, it is over or dropped.

use crate::keys::Keys;
use crate::reference::{Call, Counted, Ending, FallbackContext, Manual, Phase, Reference};
use crate::step::Hand;
use std::time::Duration;

pub(crate) struct Inside {
    pub(crate) references: [Reference; 2],
    calls: Vec<Under>,
    /// The calls whose bodies are being polled, the innermost last.
    polled: Vec<usize>,
    /// What listeners hear of single calls since they were last looked at.
    pub(crate) told: [Vec<Told>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    Asked,
    Rejected { shadow: bool },
    Success,
    Failure,
    Ignored,
    Cancelled,
    PassedOn,
}

/// A call that was asked for.
struct Under {
    of: usize,
    /// The innermost call of the same breaker that was being polled then.
    outer: Option<usize>,
    /// Its start was reported to listeners, so its end is reported too.
    asked: bool,
    call: Option<Call>,
    /// The breaker's generation when it was let in.
    generation: u64,
    over: bool,
    heard: Heard,
}

/// What a call has heard of those inside.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// Of a result that was counted.
    result: bool,
    /// Of a failure that was counted.
    failure: bool,
    /// Of an error that is a success.
    fine: bool,
    rejected: bool,
    dropped: bool,
}

impl Heard {
    fn hear(&mut self, other: Self) {
        self.result |= other.result;
        self.failure |= other.failure;
        self.fine |= other.fine;
        self.rejected |= other.rejected;
        self.dropped |= other.dropped;
    }

    /// Whether an ending that would count so counts.
    fn leaves(self, counted: Counted) -> bool {
        match counted {
            Counted::Failure => !(self.failure || self.fine || self.rejected),
            Counted::Success | Counted::Ignored | Counted::Cancelled => !(self.result || self.rejected || self.dropped),
        }
    }
}

impl Inside {
    pub(crate) fn new(keys: [Keys; 2]) -> Self {
        let references = keys.map(Reference::new);
        Self { references, calls: Vec::new(), polled: Vec::new(), told: [Vec::new(), Vec::new()] }
    }

    /// A call is asked for.
    pub(crate) fn enter(&mut self, of: usize) -> usize {
        let outer = self.polled.iter().rev().copied().find(|outer| self.calls[*outer].of == of);
        let asked = self.references[of].mode() != Some(Manual::Disabled);
        if asked {
            self.told[of].push(Told::Asked);
        }
        self.calls.push(Under { of, outer, asked, call: None, generation: 0, over: false, heard: Heard::default() });
        self.calls.len() - 1
    }

    /// Whether the call is let in.
    pub(crate) fn admit(&mut self, id: usize) -> Result<(), FallbackContext> {
        let (of, outer) = (self.calls[id].of, self.calls[id].outer);
        let admitted = match outer.filter(|outer| self.calls[*outer].generation == self.references[of].generation) {
            Some(outer) => Ok(self.go_in(outer)),
            None => self.ask(of),
        };
        let generation = self.references[of].generation;
        match admitted {
            Ok(call) => {
                let under = &mut self.calls[id];
                (under.call, under.generation) = (Some(call), generation);
                Ok(())
            }
            Err(rejection) => {
                self.told[of].push(Told::Rejected { shadow: false });
                self.calls[id].over = true;
                self.tell_outer(id, Heard { rejected: true, ..Heard::default() });
                Err(rejection)
            }
        }
    }

    /// Goes in with the outer one: the first takes over its slot.
    fn go_in(&mut self, outer: usize) -> Call {
        let reference = &mut self.references[self.calls[outer].of];
        let outer = self.calls[outer].call.as_mut().expect("it was let in");
        outer.nested = true;
        reference.forget(*outer);
        outer.watched = false;
        let watched = outer.counted && reference.may_become_slow();
        let inner = Call {
            slot: outer.slot.take(),
            began: reference.now,
            timed: reference.keys.are_timed(),
            nested: false,
            watched,
            ..*outer
        };
        reference.under_way.extend(watched.then_some(inner));
        inner
    }

    fn ask(&mut self, of: usize) -> Result<Call, FallbackContext> {
        let before = self.references[of].counts.shadow_rejected;
        let admitted = self.references[of].admit();
        if self.references[of].counts.shadow_rejected > before {
            self.told[of].push(Told::Rejected { shadow: true });
        }
        admitted
    }

    /// A body is being polled from here on.
    pub(crate) fn poll(&mut self, id: usize) {
        self.polled.push(id);
    }

    pub(crate) fn leave(&mut self, id: usize) {
        assert_eq!(self.polled.pop(), Some(id), "bodies are polled within each other");
    }

    /// A call is over. `error`: it gave one.
    pub(crate) fn end(&mut self, id: usize, ending: Ending, error: bool) {
        let under = &mut self.calls[id];
        let (of, call, outer) = (under.of, under.call.expect("it was let in"), under.outer);
        under.over = true;
        let heard = under.heard;
        let dropped = ending.is_drop();
        let reference = &mut self.references[of];
        let took = call.timed.then(|| reference.now - call.began);
        let counted = reference.judge(call, ending, took);
        // It is dropped since its outer call is: one ending, which that one reports.
        let with_outer = dropped && outer.is_some_and(|outer| !self.calls[outer].over && !self.polled.contains(&outer));
        let counts = call.counted && !with_outer && heard.leaves(counted);
        let mut tells = heard;
        if !counts {
            reference.forget(call);
        }
        if counts {
            reference.settle(call, ending);
            self.told[of].push(told(counted));
            tells.result |= matches!(counted, Counted::Success | Counted::Failure);
            tells.failure |= counted == Counted::Failure;
        } else if call.counted {
            if !with_outer && heard.leaves(Counted::Failure) {
                reference.note_spared(call, ending, took);
            }
            // The outer one has the slot again, and says what becomes of it.
            let kept = outer.filter(|_| with_outer).and_then(|outer| self.calls[outer].call.as_mut());
            match kept.filter(|kept| kept.generation == call.generation && kept.slot.is_none()) {
                Some(kept) => kept.slot = call.slot,
                None => give_back(&mut self.references[of], call),
            }
            self.told[of].push(Told::PassedOn);
        } else if self.calls[id].asked {
            // The breaker was disabled before it was let in.
            self.told[of].push(Told::PassedOn);
        }
        // Of a disabled breaker nothing is reported.
        tells.fine |= call.counted && error && counted == Counted::Success;
        tells.dropped |= call.counted && dropped && !with_outer;
        self.tell_outer(id, tells);
    }

    fn tell_outer(&mut self, id: usize, heard: Heard) {
        let Some(outer) = self.calls[id].outer else { return };
        let outer = &mut self.calls[outer];
        outer.heard.hear(heard);
        if let Some(call) = &mut outer.call {
            call.nested = true;
        }
    }

    pub(crate) fn by_hand(&mut self, of: usize, hand: Hand) {
        self.references[of].by_hand(hand);
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.references.iter_mut().for_each(|reference| reference.now += span);
    }
}

/// A call that is not counted gives its slot back.
fn give_back(reference: &mut Reference, call: Call) {
    if call.generation == reference.generation
        && let Phase::HalfOpen(trial) = &mut reference.phase
    {
        trial.give_back(call.slot, false);
    }
}

fn told(counted: Counted) -> Told {
    match counted {
        Counted::Success => Told::Success,
        Counted::Failure => Told::Failure,
        Counted::Ignored => Told::Ignored,
        Counted::Cancelled => Told::Cancelled,
    }
}
