//! Counts a failure that only makes the streak longer, and keeps the error of a failure that
//! snapshots show.
//!
//! If successes and failures alternate, each failure is the first of a streak. Its text is shown
//! until the next one only, so one in each tick of the clock is kept and reported.

use crate::breaker::cause::Cause;
use crate::breaker::error_text::Text;
use crate::breaker::gate::Lengthened;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::inner::{ColdState, HotState};
use crate::breaker::report::{Failure, Report, is_quiet};
use crate::call::nesting;
use crate::machine::packed::{Evidence, PackedState};
use std::fmt;

/// The type of an error, and the beginning of its text.
pub(crate) struct Written {
    kind: &'static str,
    text: Text,
}

impl Written {
    /// It runs user code, so no lock may be held.
    pub(crate) fn of(cause: &Cause<'_>) -> Self {
        Self { kind: cause.kind, text: Text::of(&cause.view) }
    }

    /// Requires the machine's lock.
    pub(crate) fn keep(&self, cold: &ColdState) {
        cold.kept_error.lock().keep(self.kind, &self.text);
    }

    /// Keeps it, unless the breaker has another generation by now.
    pub(crate) fn keep_in(&self, generation: u64, breaker: &CircuitBreaker) {
        let cold: &ColdState = &breaker.0;
        let machine = cold.machine.lock();
        if machine.generation() == generation {
            self.keep(cold);
        } else {
            breaker.0.note_again();
        }
    }
}

/// Counts a failure of a call that was admitted under `packed`, without the lock, if it only makes
/// the streak longer. `false`: the machine has to settle it.
pub(crate) fn lengthen_streak<'e>(
    breaker: &CircuitBreaker,
    function: Option<&'static str>,
    packed: PackedState,
    cause: &dyn Fn() -> Cause<'e>,
) -> bool {
    let hot: &HotState = &breaker.0;
    let is_masked = || nesting::evidence_around(hot).is_some_and(|around| around.has(Evidence::SUCCEEDED));
    if !is_quiet() || is_masked() {
        return false;
    }
    let Some(lengthened) = hot.lengthen_streak(packed) else { return false };
    nesting::report_evidence(hot, Evidence::FAILED);
    note_first(breaker, function, packed, lengthened, cause);
    true
}

/// Keeps and reports this failure of a call that was admitted under `packed`, if it is the first of
/// its streak.
#[inline]
pub(crate) fn note_first<'e>(
    breaker: &CircuitBreaker,
    function: Option<&'static str>,
    packed: PackedState,
    lengthened: Lengthened,
    cause: &dyn Fn() -> Cause<'e>,
) {
    if let Lengthened::First(now) = lengthened {
        if breaker.0.notes_first_failure(now) {
            keep_and_report(breaker, function, packed, &cause());
        }
    }
}

#[cold]
fn keep_and_report(breaker: &CircuitBreaker, function: Option<&'static str>, packed: PackedState, cause: &Cause<'_>) {
    Written::of(cause).keep_in(packed.generation(), breaker);
    let error = cause.view.has_text().then_some(&cause.view as &dyn fmt::Display);
    let event = Failure { breaker, function, elapsed: None, error_type: cause.kind, error, consecutive_failures: 1 };
    breaker.report(Report::Failure(&event));
}

#[cfg(all(test, not(breaker_loom)))]
mod tests {
    use crate::breaker::handle::CircuitBreaker;
    use crate::config::keys::Config;

    /// Without a paused clock most of these failures are in one tick.
    #[test]
    fn a_reset_lets_the_next_first_failure_have_its_text() {
        let breaker = CircuitBreaker::new("test", Config::new()).unwrap();
        for text in ["one", "two", "three"] {
            breaker.reset();
            breaker.try_acquire().unwrap().failure_with(text);
            assert_eq!(breaker.snapshot().last_error.unwrap().message.as_deref(), Some(text));
        }
    }
}
