//! What the machine is handed of a call, and what it returns.

use crate::clock::Tick;
use crate::config::keys::Settings;
use crate::machine::packed::{Evidence, PackedState, RetryAfter};
use crate::machine::state::State;
use crate::machine::trip::{Trip, WindowTotals};
use std::time::Duration;

/// A call as the machine knows it: under which word it was admitted, on which slot, and when, if
/// that was noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) word: PackedState,
    pub(crate) probe: u32,
    pub(crate) started: Tick,
    /// What the calls inside it have told.
    pub(crate) evidence: Evidence,
    /// What calls inside the one around it have told; `None` where it is the outermost call of its
    /// breaker.
    pub(crate) around: Option<Evidence>,
    /// How many calls were rejected by now; only where there is a slot, a trial or a ramp, or the
    /// call is dropped.
    pub(crate) rejected: u64,
}

/// Totals that are only touched under the lock; successes and rejections are counted outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) failures: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) shadow_rejected: u64,
}

/// A change of state, to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transition {
    pub(crate) old: State,
    pub(crate) new: State,
    pub(crate) generation: u64,
    pub(crate) trip: Option<Trip>,
    /// The breaker is in shadow: this is what it would have done.
    pub(crate) shadow: bool,
    pub(crate) reset: bool,
    /// The run of failures at this moment.
    pub(crate) consecutive_failures: u32,
}

/// The answer to a call that wants in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Admission {
    /// `probe`: the number of its slot, 0 for none.
    Admitted {
        probe: u32,
    },
    /// In shadow: it would have been rejected, so its result shall decide nothing.
    ShadowRejected {
        state: State,
        wait: RetryAfter,
    },
    Rejected {
        state: State,
        wait: RetryAfter,
    },
}

/// What a settled call did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) outcome: Counted,
    /// The run of failures after this call; 0 for a late result.
    pub(crate) run: u32,
    /// The calls dropped in a row, this one included; 0 for a late one.
    pub(crate) drops: u32,
    /// A later call, be it a success, may open the breaker because of this one too.
    pub(crate) lingers: bool,
    pub(crate) change: Option<Transition>,
    /// Which trial has one place more, if that is to be told.
    pub(crate) widened: Option<Widened>,
    pub(crate) eclipse: Eclipse,
    /// As many successes as would close the breaker were each hidden by the drop of a call inside
    /// the one that succeeded.
    pub(crate) hidden: bool,
    /// The probes that failed in a row, if this is one of them.
    pub(crate) failed_probes: u32,
}

/// A trial that has one place more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Widened {
    /// From now on: a probe ended without a result.
    This,
    /// The next one: a call of this one failed.
    Next,
}

/// Failures of calls inside which there was a success, which ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eclipse {
    None,
    /// This is a success inside another call, while there are such failures.
    Answers,
    /// This is one more of them.
    Hides,
    /// With this one there are as many as would open the breaker.
    Tells,
}

impl Settled {
    /// A success that changes nothing.
    pub(crate) const PLAIN: Self = Self::nothing(Counted::Success);
    /// The calls inside it have told all there is to tell.
    pub(crate) const PASSED_ON: Self = Self::nothing(Counted::PassedOn);

    /// An ending that changes nothing but a total.
    pub(crate) const fn nothing(outcome: Counted) -> Self {
        Self {
            outcome,
            run: 0,
            drops: 0,
            lingers: false,
            change: None,
            widened: None,
            eclipse: Eclipse::None,
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
    /// The calls inside it have told already.
    PassedOn,
}

/// What a snapshot shows of the machine.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) state: State,
    pub(crate) since: Tick,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) run: u32,
    pub(crate) trip: Option<Trip>,
    pub(crate) counts: Counts,
    pub(crate) last_failure: Option<Tick>,
    /// `None`: no rule looks at one.
    pub(crate) window: Option<WindowTotals>,
    pub(crate) ramp_share: Option<f64>,
    pub(crate) settings: Settings,
}
