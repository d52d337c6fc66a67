//! Makes and ends the permit of the usual call of a `key`.

use super::{IDLE, Permit};
use crate::breaker::caller::Owner;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::keyed_breaker::InUse;
use crate::call::nesting;
use crate::clock::Tick;
use crate::machine::outcome::Outcome;
use crate::machine::packed::{Evidence, PackedState};
use crate::sync::statics::{AtomicU8, AtomicU32};
use std::mem::{self, ManuallyDrop};

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
        match self.take_plain_use() {
            Some(mut in_use) => {
                // Nothing else in it is dropped. If a listener's `Drop` panics here, the call has
                // been counted.
                let _ = ManuallyDrop::new(self);
                in_use.succeed();
            }
            None => self.record(Outcome::Success),
        }
    }

    /// The use of a keyed breaker, if a success counts and changes nothing else.
    #[inline]
    fn take_plain_use(&mut self) -> Option<InUse> {
        let Owner::Own(CircuitBreaker(Handle::KeyedBreaker(in_use, _))) = &self.owner else { return None };
        let hot = &in_use.hot;
        if !self.nothing_happened_to(hot) {
            return None;
        }
        nesting::report_evidence(hot, Evidence::SUCCEEDED);
        let Owner::Own(CircuitBreaker(Handle::KeyedBreaker(in_use, _))) = &mut self.owner else { return None };
        Some(mem::replace(in_use, InUse::NONE))
    }
}
