//! Defines the subjects, which are the ways to make one call, with one file for each.

mod attribute;
mod bare;
mod breaker;
mod failsafe;
mod floor;
mod handle;
pub(crate) mod keyed;
mod promises;
mod recloser;
mod tower;

use crate::cases::Case;
use crate::drive::Calls;
use std::time::Duration;

/// Longer than any measurement.
const DAY: Duration = Duration::from_secs(86_400);

/// A way to make calls.
#[derive(Debug)]
pub struct Subject {
    /// The name in tables.
    pub name: &'static str,
    cases: &'static [Case],
    calls: fn(Case) -> Calls,
}

impl Subject {
    /// Calls of this subject, if it has the case.
    #[must_use]
    pub fn calls(&self, case: Case) -> Option<Calls> {
        self.has(case).then(|| (self.calls)(case))
    }

    /// Whether it has the case.
    #[must_use]
    pub fn has(&self, case: Case) -> bool {
        self.cases.contains(&case)
    }
}

/// The cases of a subject without a breaker.
const BARE: &[Case] = &[Case::Ok, Case::Pointer, Case::Err, Case::ErrOk];
/// The cases of a subject that admits any number of probes, or none.
const NO_SLOTS: &[Case] = &[Case::Ok, Case::Pointer, Case::Err, Case::ErrOk, Case::Open];
const COMMON: &[Case] = &[Case::Ok, Case::Pointer, Case::Err, Case::ErrOk, Case::Open, Case::Full];

/// The calls of a module. The polled-by-pointer case has calls of its own.
macro_rules! by {
    ($module:ident, $case:ident) => {
        match $case {
            Case::Pointer => $module::calls::<true>($case),
            _ => $module::calls::<false>($case),
        }
    };
}

/// All subjects, in the order of the tables.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "loop", cases: &[Case::Ok], calls: bare::nothing },
    Subject { name: "clock", cases: &[Case::Ok], calls: bare::clock },
    Subject { name: "bare", cases: BARE, calls: |case| by!(bare, case) },
    Subject { name: "floor", cases: NO_SLOTS, calls: |case| by!(floor, case) },
    Subject { name: "by hand", cases: NO_SLOTS, calls: |case| by!(promises, case) },
    Subject { name: "attribute", cases: &Case::ALL, calls: attribute::calls },
    Subject { name: "call", cases: COMMON, calls: |case| by!(handle, case) },
    Subject { name: "failsafe", cases: NO_SLOTS, calls: |case| by!(failsafe, case) },
    Subject { name: "recloser", cases: NO_SLOTS, calls: |case| by!(recloser, case) },
    Subject { name: "breaker", cases: COMMON, calls: |case| by!(breaker, case) },
    Subject { name: "tower-resilience", cases: COMMON, calls: |case| by!(tower, case) },
];

/// The subject with this name.
#[must_use]
pub fn subject(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|one| one.name == name)
}
