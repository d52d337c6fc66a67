//! Tracks a call whose stream is read, from its first poll to its end.

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
    /// An item has arrived.
    gave: bool,
    /// When the stream was created.
    made: Tick,
    /// Since when its reader waits for the next item, if it does.
    waits: Option<Tick>,
}

enum Stage {
    /// The call continues.
    Reads(Permit),
    /// The call has ended, and streams of the same breaker may be left inside it. Their ends are
    /// not reported: this call has reported.
    Ended(Owner),
    Over,
}

impl Streaming {
    pub(super) fn new(permit: Permit) -> Self {
        // The stream may hold calls that began in the body that created it. They are dropped with
        // this call.
        permit.waits();
        let made = if permit.knows_start() { clock::now() } else { Tick::ZERO };
        Self { stage: Stage::Reads(permit), gave: false, made, waits: None }
    }

    /// The call's permit, until it ends.
    pub(super) fn permit(&self) -> Option<&Permit> {
        if let Stage::Reads(permit) = &self.stage { Some(permit) } else { None }
    }

    /// Whether no item has arrived yet.
    pub(super) fn is_new(&self) -> bool {
        !self.gave
    }

    /// How much of `span` was left when the stream was created. `span` runs from the call's start,
    /// if that was requested.
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

    /// The stream has returned something. Returns whether it is the first.
    pub(super) fn received(&mut self, is_value: bool) -> bool {
        let is_first = !self.gave;
        self.gave |= is_value;
        self.waits = None;
        is_first
    }

    /// Ends the call now, and returns its permit, if it has not ended before. Also `None` where it
    /// is inside a stream whose call has ended.
    pub(super) fn end(&mut self) -> Option<Permit> {
        let Stage::Reads(permit) = mem::replace(&mut self.stage, Stage::Over) else { return None };
        if permit.had_calls() {
            self.stage = Stage::Ended(permit.owner().clone());
        }
        permit.unless_in_ended()
    }

    /// The stream is dropped next, and its inner calls with it.
    pub(super) fn close(&self) {
        match &self.stage {
            Stage::Reads(permit) => permit.close(),
            Stage::Ended(owner) => nesting::close(&owner.breaker().0, PackedState::NONE, 0, None),
            Stage::Over => {}
        }
    }

    /// Ends the call now, because its next item is late or its stream is empty. The rest of the
    /// stream is dropped first. Returns the error for its reader.
    pub(super) fn time_out(&mut self, late: Option<Late>, drop_stream: impl FnOnce()) -> Option<CircuitBreakerError> {
        let Stage::Reads(permit) = mem::replace(&mut self.stage, Stage::Over) else { return None };
        let owner = permit.owner().clone();
        let permit = permit.unless_in_ended();
        if let Some(permit) = &permit {
            if late.is_some() {
                permit.time_out();
            }
            permit.close();
        }
        drop_stream();
        if let Some(permit) = permit {
            match late {
                Some(Late { is_first, after }) => permit.was_late(is_first, after),
                None => permit.ended_early(true),
            }
        }
        Some(match late {
            Some(Late { is_first, after }) => CircuitBreakerError::no_item(owner, is_first, after),
            None => CircuitBreakerError::ended_early(owner),
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

/// The reader polls a stream whose call has ended.
struct InEnded;

impl InEnded {
    fn enter(breaker: &CircuitBreaker) -> Self {
        nesting::enter_ended(&breaker.0);
        Self
    }
}

impl Drop for InEnded {
    /// Also when the stream panics.
    fn drop(&mut self) {
        nesting::leave();
    }
}
