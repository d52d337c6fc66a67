//! Ends a call that lasts as long as its stream.

use super::{DROPPED, Permit, RUNS, RUNS_CLOSES, TIMED};
use crate::breaker::cause::Cause;
use crate::call::nesting;
use crate::clock::Tick;
use crate::machine::outcome::{Ending, Outcome};
use crate::machine::packed::{Evidence, PackedState};
use crate::sync::Ordering;
use std::time::Duration;

/// The text of a stream that counts as a failure because it was dropped after an item.
const LEFT: &str = "the stream was dropped while its reader waited";

impl Permit {
    /// Whether the call had inner calls of the same breaker.
    pub(crate) fn had_calls(&self) -> bool {
        self.evidence().has(Evidence::WITHIN)
    }

    /// The same call. `None`: its stream is inside another stream, whose call has ended and has
    /// reported. Then this call ends with that one.
    pub(crate) fn unless_in_ended(mut self) -> Option<Self> {
        if !self.is_inside() || !nesting::is_in_ended(&self.breaker().0) {
            return Some(self);
        }
        self.settled = true;
        self.leave_place();
        self.leave_starts();
        if !self.packed.has(PackedState::PASS) {
            self.pass_on(false, "failure");
        }
        None
    }

    /// The call's stream is dropped after it returned items. `waits`: since when its reader has
    /// waited for the next item.
    pub(crate) fn left(mut self, waits: Option<Tick>) {
        // A stream that panics ends with the panic.
        if !matches!(self.stage.load(Ordering::Relaxed), RUNS | RUNS_CLOSES) {
            self.settled = true;
            self.end(Ending::Left { waited: waits.map(waited) }, &|| Cause::of_text("cancelled", &LEFT));
        }
    }

    /// The call's stream was created at `made`, and is dropped before it returned an item. `waits`:
    /// since when its reader has waited for the item, if it did. The time in between is the
    /// reader's own.
    pub(crate) fn left_unread(mut self, made: Tick, waits: Option<Tick>) {
        // As above: it may have been polled once.
        if !matches!(self.stage.load(Ordering::Relaxed), RUNS | RUNS_CLOSES) {
            self.settled = true;
            let took = self.took(made).saturating_add(waits.map_or(Duration::ZERO, waited));
            self.end(Ending::Dropped { took: Some(took) }, &|| Cause::of_text("cancelled", &DROPPED));
        }
    }

    /// The next item of the call's stream did not arrive within `after`.
    pub(crate) fn was_late(self, is_first: bool, after: Duration) {
        let after = humantime::format_duration(after);
        let text = if is_first { format!("no first item within {after}") } else { format!("no item for {after}") };
        self.settle_with(Outcome::failure(), || Cause::of_text("timeout", &text));
    }

    /// The call's stream ended before the answer was complete.
    pub(crate) fn ended_early(self, is_empty: bool) {
        let text =
            if is_empty { "the stream ended before its first item" } else { "the stream ended before its last item" };
        self.settle_with(Outcome::failure(), || Cause::of_text("cut", &text));
    }

    /// Whether the start of the call is known.
    pub(crate) fn knows_start(&self) -> bool {
        self.started != Tick::ZERO
    }

    /// Whether [`timed`](Self::timed) has recorded the start.
    pub(crate) fn is_timed(&self) -> bool {
        self.place.load(Ordering::Relaxed) & TIMED != 0
    }

    /// How long the call took until `then`. The value has no meaning where the start is unknown.
    pub(crate) fn took(&self, then: Tick) -> Duration {
        then.since(self.started.coarse(then))
    }
}

/// How long a reader has waited since then; zero where no time was recorded.
fn waited(since: Tick) -> Duration {
    if since == Tick::ZERO { Duration::ZERO } else { since.elapsed() }
}
