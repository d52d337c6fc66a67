//! Defines what the machine receives of a call, and what it returns.

use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::machine::packed::{Evidence, PackedState, RetryAfter};
use crate::machine::state::State;
use crate::machine::streak_word::{SharedStreak, StreakRule};
use crate::machine::trip::{Trip, WindowTotals};
use std::time::Duration;

/// A call as the machine knows it: its packed state at admission, its slot, and its start time, if
/// that was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) packed: PackedState,
    pub(crate) probe: u32,
    pub(crate) started: Tick,
    /// What the calls inside it have reported.
    pub(crate) evidence: Evidence,
    /// What calls inside the one around it have reported; `None` where it is the outermost call of
    /// its breaker.
    pub(crate) around: Option<Evidence>,
    /// How many calls were rejected by now. Set only where there is a slot, a trial or a ramp, or
    /// where the call is dropped.
    pub(crate) rejected: u64,
}

/// Totals that change only under the lock; successes and rejections are counted outside it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) failures: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) shadow_rejected: u64,
}

/// A change of state that the caller reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transition {
    pub(crate) old: State,
    pub(crate) new: State,
    pub(crate) generation: u64,
    pub(crate) trip: Option<Trip>,
    /// The breaker is in shadow: this is what it would have done.
    pub(crate) shadow: bool,
    pub(crate) reset: bool,
    /// The consecutive failures at this moment.
    pub(crate) consecutive_failures: u32,
}

/// The answer to a request for admission.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Admission {
    /// `probe`: the number of its slot, 0 for none.
    Admitted {
        probe: u32,
    },
    /// In shadow: the call would have been rejected, so its result decides nothing.
    ShadowRejected {
        state: State,
        wait: RetryAfter,
    },
    Rejected {
        state: State,
        wait: RetryAfter,
    },
}

/// The effects of a settled call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) outcome: Counted,
    /// The consecutive failures after this call; 0 for a late result.
    pub(crate) streak: u32,
    /// The consecutive dropped calls, this one included; 0 for a late one.
    pub(crate) drops: u32,
    /// A later call may open the breaker because of this one too, even if it succeeds.
    pub(crate) may_trip_later: bool,
    pub(crate) change: Option<Transition>,
    /// The trial that has one more slot, if that is to be reported.
    pub(crate) widened: Option<Widened>,
    pub(crate) masked_failure: MaskedFailure,
    /// The successes hidden by the drop of an inner call reached the number that closes the
    /// breaker.
    pub(crate) hidden: bool,
    /// The probes that failed consecutively, if this is one of them.
    pub(crate) failed_probes: u32,
}

/// The trial that has one more slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Widened {
    /// The current one: a probe ended without a result.
    This,
    /// The next one: a call of the current one failed.
    Next,
}

/// Failures of calls with a success inside them. That success ends the failure streak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaskedFailure {
    None,
    /// This is a success inside another call, while there are such failures.
    Success,
    /// This is one more of them.
    Counted,
    /// With this one their number reaches the limit that would open the breaker.
    LimitReached,
}

impl Settled {
    /// Whether snapshots show the error of this call: the first failure of a streak, or the one
    /// that tripped. Also each failure that can have part in a trip by a later success. It is in
    /// a window, or of a probe that did not close the breaker.
    pub(crate) fn is_kept(&self) -> bool {
        let matters = match self.change {
            Some(change) => change.trip.is_some(),
            None => self.streak == 1 || self.may_trip_later,
        };
        self.outcome == Counted::Failure && matters
    }

    /// A success that changes nothing.
    pub(crate) const PLAIN: Self = Self::nothing(Counted::Success);
    /// The calls inside it have already reported everything.
    pub(crate) const PASSED_ON: Self = Self::nothing(Counted::PassedOn);

    /// An ending that changes nothing but a total.
    pub(crate) const fn nothing(outcome: Counted) -> Self {
        Self {
            outcome,
            streak: 0,
            drops: 0,
            may_trip_later: false,
            change: None,
            widened: None,
            masked_failure: MaskedFailure::None,
            hidden: false,
            failed_probes: 0,
        }
    }
}

/// The one total that a call is counted in, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Success,
    Failure,
    Ignored,
    Cancelled,
    /// The calls inside it have already reported the result.
    PassedOn,
}

/// What calls may use without the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    pub(crate) packed: PackedState,
    /// Until when calls are rejected; zero: they are not.
    pub(crate) until: Tick,
    pub(crate) streak: SharedStreak,
    pub(crate) rule: StreakRule,
}

/// What a snapshot shows of the machine.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) state: State,
    pub(crate) since: Tick,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) consecutive_failures: u32,
    pub(crate) trip: Option<Trip>,
    pub(crate) counts: Counts,
    pub(crate) last_failure: Option<Tick>,
    /// `None`: no rule evaluates a window.
    pub(crate) window: Option<WindowTotals>,
    pub(crate) ramp_share: Option<f64>,
    pub(crate) settings: Settings,
}
