//! Makes and ends the permit of the usual call of a `key`.

use super::{IDLE, Permit};
use crate::breaker::caller::Owner;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::call::nesting;
use crate::clock::Tick;
use crate::machine::outcome::Outcome;
use crate::machine::packed::{Evidence, PackedState};
use crate::sync::statics::{AtomicU8, AtomicU32};
use std::mem::ManuallyDrop;

impl Permit {
    /// A call that was admitted by one load of this packed state, which has no marks.
    #[inline(always)]
    pub(crate) fn plain(owner: Owner, packed: PackedState) -> Self {
        Self {
            owner,
            packed,
            started: Tick::ZERO,
            probe: AtomicU32::new(0),
            settled: false,
            stage: AtomicU8::new(IDLE),
            evidence: AtomicU8::new(0),
            place: AtomicU8::new(0),
        }
    }

    /// The call succeeded, where that mostly changes nothing.
    // It takes the permit by a pointer, and drops nothing that it has ended already.
    #[inline(never)]
    pub(crate) fn succeeded(mut self) {
        if !self.counts_plainly() {
            return self.record(Outcome::Success);
        }
        self.settled = true;
        if let Owner::Own(CircuitBreaker(Handle::KeyedBreaker(in_use, _))) = &mut self.owner {
            in_use.succeed();
        }
        let _ = ManuallyDrop::new(self);
    }

    /// Whether it is a call of a keyed breaker whose success counts and changes nothing else.
    #[inline]
    fn counts_plainly(&self) -> bool {
        let Owner::Own(CircuitBreaker(Handle::KeyedBreaker(in_use, _))) = &self.owner else { return false };
        let plainly = self.nothing_happened_to(&in_use.hot);
        if plainly {
            nesting::report_evidence(&in_use.hot, Evidence::SUCCEEDED);
        }
        plainly
    }
}
