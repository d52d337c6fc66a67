//! Admission: whether a call may be made, and what a rejected one is told.

use crate::answers::Admission;
use crate::breaker::{Caller, CircuitBreaker};
use crate::clock::{self, Tick};
use crate::error::CircuitBreakerError;
use crate::event::{self, BeforeCall, Rejected};
use crate::gate::{self, Word};
use crate::permit::Permit;
use crate::state::State;
use std::time::Duration;

impl CircuitBreaker {
    /// Asks to make one call.
    ///
    /// # Errors
    /// When the breaker rejects it.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit, CircuitBreakerError> {
        self.admit(Caller::Handle)
    }

    /// The closed path: one look at the word.
    #[inline(always)]
    pub(crate) fn admit(&self, caller: Caller) -> Result<Permit, CircuitBreakerError> {
        let word = self.0.gate.word();
        if !word.lets_in() || !event::quiet() {
            return self.admit_slowly(word, caller);
        }
        Ok(self.permit(caller, word, 0, Tick::ZERO))
    }

    #[inline]
    fn permit(&self, caller: Caller, word: Word, probe: u32, started: Tick) -> Permit {
        Permit::new(self.holder(caller), word, probe, started)
    }

    #[inline(never)]
    fn admit_slowly(&self, word: Word, caller: Caller) -> Result<Permit, CircuitBreakerError> {
        let function = caller.function();
        let heard = (word.has(Word::HEARD) || !event::quiet()) && !word.has(Word::PASS);
        if heard {
            let event = BeforeCall { breaker: self, function };
            self.tell(&|listener| listener.before_call(&event));
        }
        // A listener may have changed the state.
        let word = if heard { self.0.gate.word() } else { word };
        let now = clock::now();
        if word.has(Word::SHUT) {
            let until = self.0.gate.until();
            if now < until {
                let (state, retry_after) = (word.state(), gate::retry_after(word.state(), until, now));
                return Err(self.reject(caller, heard, state, retry_after));
            }
        } else if !word.has(Word::ASK) {
            return Ok(self.permit(caller, word, 0, now));
        }
        let (admission, word) = self.change(|machine, now| {
            let (admission, change) = machine.admit(now);
            ((admission, machine.publish().0), change)
        });
        let (word, probe) = match admission {
            Admission::Rejected { state, retry_after } => {
                return Err(self.reject(caller, heard, state, retry_after));
            }
            Admission::ShadowRejected { state, retry_after } => {
                if heard {
                    let event = Rejected { breaker: self, function, state, retry_after, shadow: true };
                    self.tell(&|listener| listener.rejected(&event));
                }
                // It keeps its times, and no generation.
                (Word::UNBOUND.with(word.only(Word::LIMITED | Word::TIMED)), 0)
            }
            Admission::Admitted { probe } => (word, probe),
        };
        Ok(self.permit(caller, word, probe, now))
    }

    #[cold]
    fn tell_rejected(&self, caller: Caller, state: State, retry_after: Option<Duration>) {
        let event = Rejected { breaker: self, function: caller.function(), state, retry_after, shadow: false };
        self.tell(&|listener| listener.rejected(&event));
    }

    #[inline]
    fn reject(&self, caller: Caller, heard: bool, state: State, retry_after: Option<Duration>) -> CircuitBreakerError {
        self.0.rejected();
        if heard {
            self.tell_rejected(caller, state, retry_after);
        }
        CircuitBreakerError::rejected(self.holder(caller), state, retry_after)
    }
}
