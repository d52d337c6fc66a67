//! Changes the failure streak of a breaker without the machine's lock, and hands it to the machine.

use crate::breaker::gate::Lengthened;
use crate::breaker::inner::HotState;
use crate::clock::{self, Tick};
use crate::machine::Machine;
use crate::machine::packed::PackedState;
use crate::sync::{MutexGuard, Ordering};

/// The first failures of streaks are kept and reported once in 2^22 ns, about 4 ms.
const NOTED_SHIFT: u32 = 22;

impl HotState {
    /// Makes the streak longer by a failure of a call that was admitted under `packed`, if that is
    /// all that the failure does. `None`: the machine has to settle it.
    #[inline]
    pub(crate) fn lengthen_streak(&self, packed: PackedState) -> Option<Lengthened> {
        if !packed.has_only_a_streak() {
            return None;
        }
        self.gate.lengthen_streak(packed, &self.initialized()?.beside_streak, clock::now())
    }

    /// Ends the streak, if there is one, by a success of a call that was admitted under `packed`.
    /// `false`: the machine has to end it.
    #[inline]
    pub(crate) fn end_streak(&self, packed: PackedState) -> bool {
        self.gate.has_no_streak() || self.end_that_streak(packed)
    }

    fn end_that_streak(&self, packed: PackedState) -> bool {
        // A breaker without a cold state has had no failure.
        self.initialized().is_some_and(|cold| self.gate.end_streak(packed, &cold.beside_streak))
    }

    /// Whether the first failure of a streak is kept and reported: one in each tick of the clock.
    pub(crate) fn notes_first_failure(&self, now: Tick) -> bool {
        let tick = now.as_nanos() >> NOTED_SHIFT;
        // A paused clock stands still, and each first failure of a test has its text.
        let notes = cfg!(feature = "test-util") || self.noted.load(Ordering::Relaxed) != tick;
        if notes {
            self.noted.store(tick, Ordering::Relaxed);
        }
        notes
    }

    /// Forgets the kept error, so that the next first failure is kept and reported.
    pub(crate) fn clear_kept_error(&self) {
        self.kept_error.lock().clear();
        self.note_again();
    }

    /// The next first failure is kept and reported, also in this tick.
    pub(crate) fn note_again(&self) {
        self.noted.store(0, Ordering::Relaxed);
    }

    /// The machine, with the streak as it is now, for a reader.
    pub(crate) fn read_machine(&self) -> MutexGuard<'_, Machine> {
        let mut machine = self.machine.lock();
        machine.read_streak(self.gate.streak(&self.beside_streak));
        machine
    }

    /// The machine, with the streak. The caller changes and [publishes](ColdState::publish) it.
    pub(crate) fn take_machine(&self) -> MutexGuard<'_, Machine> {
        let mut machine = self.machine.lock();
        machine.take_streak(|tag| self.gate.take_streak(&self.beside_streak, tag));
        machine
    }
}
