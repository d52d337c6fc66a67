//! A call whose stream is read, from its first poll to its end.

use super::limits::Late;
use crate::breaker::caller::Owner;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::handle::CircuitBreaker;
use crate::call::nesting;
use crate::call::permit::Permit;
use crate::clock::{self, Tick};
use crate::machine::packed::PackedState;
use std::mem;
use std::time::Duration;

/// A call whose stream is read.
pub(super) struct Streaming {
    stage: Stage,
    /// An item has come through.
    gave: bool,
    /// When the stream was there.
    made: Tick,
    /// Since when its reader waits for the next item, if it does.
    waits: Option<Tick>,
}

enum Stage {
    /// The call goes on.
    Reads(Permit),
    /// It has ended, and streams of the same breaker may be left inside it. Their ends are no news:
    /// this one has told.
    Ended(Owner),
    Over,
}

impl Streaming {
    pub(super) fn new(permit: Permit) -> Self {
        // The stream may hold calls that have begun in the body which made it: they are dropped
        // with this one.
        permit.waits();
        let made = if permit.knows_start() { clock::now() } else { Tick::ZERO };
        Self { stage: Stage::Reads(permit), gave: false, made, waits: None }
    }

    /// The call's permit, until it ends.
    pub(super) fn permit(&self) -> Option<&Permit> {
        if let Stage::Reads(permit) = &self.stage { Some(permit) } else { None }
    }

    /// Whether no item has come yet.
    pub(super) fn is_new(&self) -> bool {
        !self.gave
    }

    /// How much of `span`, which runs from the call's start if that was asked for, was left when
    /// the stream was there.
    pub(super) fn left_of(&self, span: Duration) -> Duration {
        let timed = self.permit().filter(|permit| permit.is_timed());
        timed.map_or(span, |permit| span.saturating_sub(permit.took(self.made)))
    }

    /// Runs the stream's own code as a part of the call.
    pub(super) fn guarded<R>(&self, poll: impl FnOnce() -> R) -> R {
        match &self.stage {
            Stage::Reads(permit) => {
                let polled = permit.guarded(poll);
                permit.waits();
                polled
            }
            Stage::Ended(owner) => {
                let _ended = InEnded::enter(owner.breaker());
                poll()
            }
            Stage::Over => poll(),
        }
    }

    /// The reader waits.
    pub(super) fn waits(&mut self) {
        let Stage::Reads(permit) = &self.stage else { return };
        if self.waits.is_none() {
            self.waits = Some(if permit.knows_start() { clock::now() } else { Tick::ZERO });
        }
    }

    /// The stream has given something. Whether it is the first.
    pub(super) fn came(&mut self, is_value: bool) -> bool {
        let is_first = !self.gave;
        self.gave |= is_value;
        self.waits = None;
        is_first
    }

    /// The call ends now: its permit, if it has not ended before. `None` too where it is inside a
    /// stream whose call has ended.
    pub(super) fn end(&mut self) -> Option<Permit> {
        let Stage::Reads(permit) = mem::replace(&mut self.stage, Stage::Over) else { return None };
        if permit.had_calls() {
            self.stage = Stage::Ended(permit.owner().clone());
        }
        permit.unless_in_ended()
    }

    /// The stream is dropped next, and the calls inside it with it.
    pub(super) fn close(&self) {
        match &self.stage {
            Stage::Reads(permit) => permit.close(),
            Stage::Ended(owner) => nesting::close(&owner.breaker().0, PackedState::NONE, 0, None),
            Stage::Over => {}
        }
    }

    /// The call ends now, since its next item is late, or since its stream is empty: first what is
    /// left of the stream is dropped. The error for its reader.
    pub(super) fn cut_off(&mut self, late: Option<Late>, drop_stream: impl FnOnce()) -> Option<CircuitBreakerError> {
        let Stage::Reads(permit) = mem::replace(&mut self.stage, Stage::Over) else { return None };
        let owner = permit.owner().clone();
        let permit = permit.unless_in_ended();
        if let Some(permit) = &permit {
            if late.is_some() {
                permit.cut_off();
            }
            permit.close();
        }
        drop_stream();
        if let Some(permit) = permit {
            match late {
                Some(Late { is_first, after }) => permit.was_late(is_first, after),
                None => permit.was_cut(true),
            }
        }
        Some(match late {
            Some(Late { is_first, after }) => CircuitBreakerError::no_item(owner, is_first, after),
            None => CircuitBreakerError::cut(owner),
        })
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Reads(permit) if self.gave => permit.left(self.waits),
            Stage::Reads(permit) => permit.left_unread(self.made, self.waits),
            Stage::Over => {}
            Stage::Ended(_) => drop(nesting::leave()),
        }
    }
}

/// A stream is read whose call has ended.
struct InEnded;

impl InEnded {
    fn enter(breaker: &CircuitBreaker) -> Self {
        nesting::enter_ended(&breaker.0);
        Self
    }
}

impl Drop for InEnded {
    /// Also where the stream panics.
    fn drop(&mut self) {
        nesting::leave();
    }
}
