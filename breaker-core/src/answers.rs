//! Answers: what the machine is told of a call, and what it gives back.

use crate::clock::Tick;
use crate::config::Settings;
use crate::gate::{Wait, Word};
use crate::state::State;
use crate::trip::{Tally, Trip};
use std::time::Duration;

/// A call as the machine knows it: under which word it was admitted, on which slot, and when, if that was noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) word: Word,
    pub(crate) probe: u32,
    pub(crate) started: Tick,
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
pub(crate) struct Change {
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
        wait: Wait,
    },
    Rejected {
        state: State,
        wait: Wait,
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
    pub(crate) change: Option<Change>,
}

impl Settled {
    /// A success that changes nothing.
    pub(crate) const PLAIN: Self = Self { outcome: Counted::Success, run: 0, drops: 0, lingers: false, change: None };
}

/// The one total that a call is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Success,
    Failure,
    Ignored,
    Cancelled,
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
    pub(crate) window: Option<Tally>,
    pub(crate) ramp_share: Option<f64>,
    pub(crate) settings: Settings,
}
