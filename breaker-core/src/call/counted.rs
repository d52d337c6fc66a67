//! Begins and ends a call whose success is only counted: in a window, or by the meter of exported
//! metrics.
//!
//! The packed state of such a call [is counted](PackedState::is_counted), and its thread is outside
//! of other calls. It has no permit. Any other ending creates one.

use crate::breaker::caller::Binding;
use crate::breaker::inner::{ColdState, HotState, Inner};
use crate::breaker::report::is_quiet;
use crate::call::nesting::{self, Alone};
use crate::clock::{self, Tick};
use crate::machine::packed::PackedState;
use crate::machine::window::{Added, SlidingWindow};

impl HotState {
    /// Begins a call under this packed state. Returns the packed state that its place on the stack
    /// gets, and its start. `None`: calls in flight are slow, so the breaker may have to open.
    #[inline]
    pub(crate) fn begin_counted(&self, packed: PackedState) -> Option<(PackedState, Tick)> {
        if !packed.has(PackedState::TIMED) {
            return Some((packed, start(packed)));
        }
        let cold: &ColdState = self;
        let (window, started) = (cold.window.get(), start(packed));
        match window {
            Some(window) if window.slow_under_way(started) > 0 => None,
            Some(window) if window.call_begins(started) => Some((packed.with(PackedState::STARTED), started)),
            _ => Some((packed, started)),
        }
    }
}

/// Ends the only call on the stack, which has succeeded, and the streak. It does so if the packed
/// state of the call still applies, and no call was inside it. `false`: the call is more than that,
/// and is still on the stack.
#[inline]
pub(crate) fn end() -> bool {
    let call = nesting::alone();
    call.function.is_some_and(|binding| binding.shared.end_counted(call, binding))
}

impl Inner {
    #[inline]
    fn end_counted(&self, call: Alone, binding: &'static Binding) -> bool {
        let packed = self.gate.packed();
        if call.packed.without(PackedState::STARTED) != packed.never() || !packed.is_counted() || !is_quiet() {
            return false;
        }
        let cold: &ColdState = self;
        let took = call.metered(packed);
        let mut added = Added::NotTripped;
        if packed.has(PackedState::WINDOW) {
            let Some(window) = cold.window.get() else { return false };
            let Some(now) = call.in_time(window, packed, took) else { return false };
            if !self.end_streak(packed) {
                return false;
            }
            nesting::leave_alone();
            if call.packed.has(PackedState::STARTED) {
                window.call_ends(call.started);
            }
            added = match window.add_success(now) {
                Added::BucketExpired => cold.add_to_next_bucket(window, now),
                added => added,
            };
        } else if call.packed.has(PackedState::STARTED) || !self.end_streak(packed) {
            return false;
        } else {
            nesting::leave_alone();
        }
        self.totals.success_on_stripe();
        if packed.has(PackedState::METERED) || added == Added::Tripped {
            report(cold, binding, packed, took, added);
        }
        true
    }
}

impl ColdState {
    /// Adds a success to a window whose bucket is over. The thread that gets the lock rotates it.
    #[inline(never)]
    pub(crate) fn add_to_next_bucket(&self, window: &SlidingWindow, now: Tick) -> Added {
        match self.machine.try_lock() {
            Some(_lock) => {
                window.rotate(now);
                window.add_success(now)
            }
            None => window.add_success_late(),
        }
    }
}

impl Alone {
    /// How long the call took in nanoseconds, if a meter counts it.
    #[inline]
    fn metered(&self, packed: PackedState) -> Option<u64> {
        #[cfg(feature = "metrics")]
        if packed.has(PackedState::METERED) {
            return Some(clock::precise().nanos_since(self.started));
        }
        let _ = packed;
        None
    }

    /// The time at which the call is added to the window; zero where that needs no time. `None`:
    /// the call was slow.
    #[inline]
    fn in_time(&self, window: &SlidingWindow, packed: PackedState, took: Option<u64>) -> Option<Tick> {
        let limit = if packed.has(PackedState::TIMED) { window.slow_call_nanos() } else { 0 };
        if limit == 0 && !window.is_timed() {
            return Some(Tick::ZERO);
        }
        let now = clock::now();
        let in_time = limit == 0 || took.unwrap_or_else(|| now.nanos_since(self.started)) <= limit;
        in_time.then_some(now)
    }
}

/// Reports the success to the meter, and has the machine check a rule that seems to hold.
#[inline]
fn report(cold: &ColdState, binding: &'static Binding, packed: PackedState, took: Option<u64>, added: Added) {
    #[cfg(feature = "metrics")]
    if let Some((meter, nanos)) = cold.meter.get().zip(took) {
        meter.succeeded(&binding.breaker, nanos);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (cold, took);
    if added == Added::Tripped {
        binding.breaker.change(|machine, now| ((), machine.review(packed.generation(), now)));
    }
}

/// The start of a call under this packed state: zero where nothing needs it, and otherwise as
/// precise as the listeners need it.
#[inline]
fn start(packed: PackedState) -> Tick {
    #[cfg(feature = "metrics")]
    if packed.has(PackedState::METERED) {
        return clock::precise();
    }
    if packed.has(PackedState::TIMED) { clock::now() } else { Tick::ZERO }
}
