//! Makes and ends the permit of the usual call of a `key`.

use super::{IDLE, Permit};
use crate::breaker::caller::Owner;
use crate::call::nesting;
use crate::clock::Tick;
use crate::machine::outcome::Outcome;
use crate::machine::packed::{Evidence, PackedState};
use crate::sync::statics::{AtomicU8, AtomicU32};

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
    #[inline]
    pub(crate) fn succeeded(mut self) {
        if !self.succeeded_plainly() {
            self.record(Outcome::Success);
        }
    }

    /// Counts a success that changes nothing else. `false`: it is more than that. By a reference,
    /// so that the permit stays where it is.
    #[inline(never)]
    fn succeeded_plainly(&mut self) -> bool {
        let plain = self.nothing_happened();
        if plain {
            self.settled = true;
            nesting::report_evidence(&self.breaker().0, Evidence::SUCCEEDED);
            self.owner.succeed();
        }
        plain
    }
}
