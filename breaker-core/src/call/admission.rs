//! Decides whether a call is admitted, and what a rejected one returns.

use crate::breaker::caller::Caller;
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::inner::Inner;
use crate::breaker::report::{BeforeCall, Busy, Rejected, Report, is_quiet};
use crate::call::nesting;
use crate::call::permit::Permit;
use crate::clock::{self, Tick};
use crate::machine::output::Admission;
use crate::machine::packed::{Evidence, PackedState, RetryAfter, StateCode};
use crate::machine::state::State;
use crate::machine::window::SlidingWindow;
use crate::sync::Arc;

impl CircuitBreaker {
    /// Requests admission for one call. Calls of the same breaker that are made meanwhile are not
    /// inside it, unless [`Permit::run`] makes them.
    ///
    /// # Errors
    /// When the breaker rejects the call.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit, CircuitBreakerError> {
        if let Some(rejection) = self.reject_at_once() {
            return Err(self.error_of(rejection));
        }
        let permit = self.admit(Caller::Handle)?;
        let inside = nesting::report_if_inside(&self.0, Evidence::NONE);
        Ok(permit.inside(inside))
    }

    /// Requests admission for one call with this key, as a call of an annotated function with the
    /// setting `key` does. While this breaker is not closed, it answers for all keys.
    ///
    /// # Errors
    /// When the breaker rejects the call.
    pub fn try_acquire_for_key(&self, key: &str) -> Result<Permit, CircuitBreakerError> {
        match self.state_of_all() {
            State::Closed => self.of_key(key).try_acquire(),
            _ => self.try_acquire(),
        }
    }

    /// Rejects a call by a handle, and counts that, if the packed state says so and nothing else
    /// observes the call. The general path decides about other calls.
    #[inline]
    pub(crate) fn reject_at_once(&self) -> Option<Rejection> {
        let inner: &Inner = match &self.0 {
            Handle::Counted(inner) => inner,
            Handle::Forever(inner) => inner,
            Handle::KeyedBreaker(..) => return None,
        };
        let packed = inner.gate.packed();
        let wait = inner.reject_alone(packed)?;
        Some(Rejection { code: packed.code(), wait })
    }

    /// The error of a call by a handle that was rejected.
    #[inline]
    pub(crate) fn error_of(&self, Rejection { code, wait }: Rejection) -> CircuitBreakerError {
        CircuitBreakerError::rejected(self.error_owner(Caller::Handle), code, wait)
    }

    /// The closed path: one load of the packed state.
    #[inline(always)]
    pub(crate) fn admit(&self, caller: Caller) -> Result<Permit, CircuitBreakerError> {
        let packed = self.0.gate.packed();
        if !packed.admits() || !is_quiet() {
            return self.admit_slowly(packed, caller);
        }
        Ok(self.permit(caller, packed, 0, Tick::ZERO))
    }

    #[inline]
    fn permit(&self, caller: Caller, packed: PackedState, probe: u32, started: Tick) -> Permit {
        Permit::new(self.owner(caller), packed, probe, started)
    }

    #[inline(never)]
    fn admit_slowly(&self, packed: PackedState, caller: Caller) -> Result<Permit, CircuitBreakerError> {
        #[cfg(feature = "metrics")]
        if !packed.has(PackedState::REJECTS | PackedState::ASK | PackedState::PLACES | PackedState::TIMED)
            && self.only_meter().is_some()
        {
            nesting::report_evidence(&self.0, Evidence::NONE);
            return Ok(self.permit(caller, packed, 0, clock::precise()));
        }
        let function = caller.function();
        let observed = (packed.has(PackedState::OBSERVED) || !is_quiet()) && !packed.has(PackedState::PASS);
        if observed {
            let event = BeforeCall { breaker: self, function };
            self.report(Report::BeforeCall(&event));
        }
        // A listener may have changed the state.
        let packed = if observed { self.0.gate.packed() } else { packed };
        let started = if observed || packed.has(PackedState::TIMED) { self.start() } else { Tick::ZERO };
        let packed = if packed.has(PackedState::TIMED) { self.check_calls_in_flight(packed, started) } else { packed };
        // A listener waits for the end of a call that was requested before the breaker was
        // disabled.
        let mark = |packed: PackedState| {
            if observed && packed.has(PackedState::PASS) { packed.with(PackedState::UNBOUND) } else { packed }
        };
        if !packed.has(PackedState::REJECTS | PackedState::ASK) {
            let around = if packed.has(PackedState::TIMED) { nesting::take_start(&self.0) } else { None };
            let packed = match self.find_place(packed, nesting::report_if_inside(&self.0, Evidence::NONE)) {
                Some(holds) => packed.with(holds),
                None => return Err(self.reject_busy(caller, observed)),
            };
            let packed =
                if packed.has(PackedState::TIMED) { self.begin_in_flight(packed, started, around) } else { packed };
            return Ok(self.permit(caller, mark(packed), 0, started));
        }
        if let Some((unbound, probe)) = nesting::join_outer(&self.0, packed) {
            return Ok(self.permit(caller, packed.with(unbound), probe, self.start()));
        }
        let wait = if packed.has(PackedState::REJECTS) { self.0.gate.rejected_for(clock::now()) } else { None };
        if let Some(wait) = wait {
            return Err(self.reject(caller, observed, packed.state(), wait));
        }
        let Some((admission, packed)) = self.ask_machine(packed) else {
            return Err(self.reject_busy(caller, observed));
        };
        let (packed, probe) = match admission {
            Admission::Rejected { state, wait } => {
                return Err(self.reject(caller, observed, state, wait));
            }
            Admission::ShadowRejected { state, wait } => {
                if observed {
                    let retry_after = wait.shown_in(state);
                    let event = Rejected { breaker: self, function, state, retry_after, shadow: true };
                    self.report(Report::Rejected(&event));
                }
                // The call keeps its times, and decides nothing.
                (packed.with(PackedState::UNBOUND), 0)
            }
            Admission::Admitted { probe } => (packed, probe),
        };
        Ok(self.permit(caller, mark(packed), probe, self.start()))
    }

    /// Opens the breaker if slow calls in flight already make the slow-call rule hold. Returns the
    /// packed state that applies then. A call inside another call of the same breaker opens
    /// nothing.
    #[inline(never)]
    fn check_calls_in_flight(&self, packed: PackedState, now: Tick) -> PackedState {
        let slow = |window: &Arc<SlidingWindow>| match window.slow_under_way(now) {
            0 => None,
            slow => window.evaluate_with(slow, clock::now()).map(|_| slow),
        };
        let asks = !packed.has(PackedState::REJECTS | PackedState::ASK | PackedState::PASS);
        let Some(slow) = self.0.window.get().filter(|_| asks).and_then(slow) else { return packed };
        if nesting::is_inside(&self.0) {
            return packed;
        }
        self.change(|machine, now| ((), machine.review_under_way(packed.generation(), slow, now)));
        self.0.gate.packed()
    }

    /// Counts a call that begins as in flight, in place of the enclosing call.
    #[inline(never)]
    fn begin_in_flight(&self, packed: PackedState, started: Tick, around: Option<Tick>) -> PackedState {
        if let Some(around) = around {
            self.0.end_under_way(around);
        }
        let Some(window) = self.0.window.get().filter(|_| !packed.has(PackedState::PASS)) else { return packed };
        if window.call_begins(started) { packed.with(PackedState::STARTED) } else { packed }
    }

    /// Asks the machine to admit a call, with a place if it needs one. Returns the packed state
    /// under which the machine answered. `None`: no place is free, and nothing has changed.
    fn ask_machine(&self, packed: PackedState) -> Option<(Admission, PackedState)> {
        let inside = nesting::is_inside(&self.0);
        let mut was_full = false;
        let answer = self.change(|machine, now| {
            let Some(holds) = self.find_place(packed, inside) else { return (None, None) };
            let (admission, change) = machine.admit(now);
            if let Admission::Admitted { probe: probe @ 1.. } = admission {
                machine.watch_probe(probe, self.0.rejections());
            }
            // The place is free before the next call requests one.
            if holds != 0 && matches!(admission, Admission::Rejected { .. }) {
                was_full = self.0.gate.leave_place();
            }
            (Some((admission, machine.publish().packed.with(holds))), change)
        });
        self.0.wake_for_place(was_full);
        answer
    }

    /// The current time as the start of a call, as precise as the listeners of the call need it.
    #[inline]
    fn start(&self) -> Tick {
        #[cfg(feature = "metrics")]
        if self.meter().is_some() {
            return clock::precise();
        }
        clock::now()
    }

    #[cold]
    fn report_rejected(&self, caller: Caller, state: State, wait: RetryAfter) {
        let (function, retry_after) = (caller.function(), wait.shown_in(state));
        let event = Rejected { breaker: self, function, state, retry_after, shadow: false };
        self.report(Report::Rejected(&event));
    }

    /// Takes a place for a call, if it needs one. Returns a flag that records this in its packed
    /// state. `inside`: the call is inside a call of the same breaker, and uses the place of that
    /// call. `None`: no place is free.
    #[inline]
    fn find_place(&self, packed: PackedState, inside: bool) -> Option<u64> {
        if inside || !packed.has(PackedState::PLACES) {
            return Some(0);
        }
        self.0.gate.take_place().then_some(PackedState::HOLDS)
    }

    /// Rejects a call because no place is free. That is no evidence, and the enclosing calls are
    /// not calls of this breaker.
    #[cold]
    fn reject_busy(&self, caller: Caller, observed: bool) -> CircuitBreakerError {
        self.0.busy().add();
        // All keys share one throttle, as they do in the log.
        let throttle = self.0.keyed_breaker().map_or_else(|| self.0.busy(), |lazy| lazy.parent().0.busy());
        let consecutive = throttle.consecutive_number(clock::now());
        // The built-in listener reports the first one, whether or not other listeners observe it.
        if observed || consecutive == 1 {
            let (function, max_concurrent) = (caller.function(), self.0.gate.places_most());
            let event = Busy { breaker: self, function, max_concurrent, consecutive };
            self.report(Report::Busy(&event));
        }
        CircuitBreakerError::busy(self.error_owner(caller), self.state())
    }

    fn reject(&self, caller: Caller, observed: bool, state: State, wait: RetryAfter) -> CircuitBreakerError {
        self.0.rejected();
        nesting::begin_thread();
        nesting::report_evidence(&self.0, Evidence::FAILED);
        if observed {
            self.report_rejected(caller, state, wait);
        }
        CircuitBreakerError::rejected(self.error_owner(caller), state, wait)
    }
}

impl Inner {
    /// Rejects a call that has no listeners, on a thread that is outside any call. It does so if
    /// this packed state shuts the gate and still applies. Returns when the call may be retried.
    #[inline]
    pub(crate) fn reject_unobserved(&self, packed: PackedState) -> Option<RetryAfter> {
        if !packed.has(PackedState::REJECTS) || packed.has(PackedState::OBSERVED) {
            return None;
        }
        let wait = self.gate.rejected_for(clock::now())?;
        self.totals.rejected_on_stripe();
        Some(wait)
    }

    /// The same for a call by a handle, on any thread.
    #[inline(never)]
    fn reject_alone(&self, packed: PackedState) -> Option<RetryAfter> {
        let at_once = packed.has(PackedState::REJECTS) && !packed.has(PackedState::OBSERVED);
        if !at_once || !is_quiet() || !nesting::is_outside() {
            return None;
        }
        let wait = self.gate.rejected_for(clock::now())?;
        self.totals.rejected_on_stripe();
        Some(wait)
    }
}

/// A rejection that is counted, and has no error yet.
#[derive(Clone, Copy)]
pub(crate) struct Rejection {
    code: StateCode,
    wait: RetryAfter,
}

#[cfg(test)]
mod tests {
    use crate::breaker::caller::{Binding, Caller};
    use crate::breaker::handle::CircuitBreaker;
    use crate::config::keys::Config;
    use crate::machine::state::State;
    use crate::sync::Arc;

    fn binding(breaker: CircuitBreaker) -> &'static Binding {
        Box::leak(Box::new(Binding::new(breaker, "function".to_owned(), Arc::default())))
    }

    /// User code registers a keyed breaker under its own name, and an annotated function has that
    /// name.
    #[test]
    fn a_function_can_have_a_keyed_breaker_as_its_own() {
        let parent = binding(CircuitBreaker::new("hosts", Config::new().fail_max(1)).unwrap());
        let keyed_breaker = parent.keyed_breaker("a");
        let own = binding(keyed_breaker.clone());
        let call = || own.breaker.admit(Caller::Callsite(own));
        assert!(!own.shared.gate.packed().admits(), "the short way is for breakers by themselves");
        call().unwrap().success();
        assert_eq!(keyed_breaker.snapshot().success_count, 1);
        call().unwrap().failure();
        assert_eq!(call().unwrap_err().function(), Some("function"));
        let inner = own.keyed_breaker("b");
        assert_eq!((inner.name(), inner.calling().map(|function| &*function.name)), ("hosts[a][b]", Some("function")));
        inner.try_acquire().unwrap().failure();
        assert_eq!(inner.state(), State::Open);
    }
}
