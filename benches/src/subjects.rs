//! Defines the subjects, which are the ways to make one call, with one file for each.

mod attribute;
mod bare;
mod breaker;
mod failsafe;
mod floor;
mod handle;
pub(crate) mod keyed;
mod layer;
mod promises;
mod recloser;
mod tower;

use crate::cases::Case;
use crate::drive::Calls;
use crate::failure::{Bytes, Fault, Plain0, Plain8, Plain24, Plain128};
use crate::subjects::layer::Way;
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
    sized: Option<fn(Case, Bytes) -> Calls>,
}

impl Subject {
    /// Calls of this subject, if it has the case.
    #[must_use]
    pub fn calls(&self, case: Case) -> Option<Calls> {
        self.has(case).then(|| (self.calls)(case))
    }

    /// Calls whose error type has this size, if it has the case and other error types.
    #[must_use]
    pub fn sized_calls(&self, case: Case, bytes: Bytes) -> Option<Calls> {
        let sized = self.sized.filter(|_| self.has(case))?;
        Some(sized(case, bytes))
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

const HANDLE: &[Case] = &[Case::Ok, Case::Pointer, Case::Err, Case::ErrAnyTime, Case::ErrOk, Case::Open, Case::Full];

/// The calls of a module. The polled-by-pointer case has calls of its own.
macro_rules! by {
    ($module:ident, $case:ident $(, $error:ty)?) => {
        match $case {
            Case::Pointer => $module::calls::<$($error,)? true>($case),
            _ => $module::calls::<$($error,)? false>($case),
        }
    };
}

/// The calls of a module for each size of the error type.
macro_rules! sized {
    ($module:ident $(, $by_pointer:literal)?) => {
        Some(|case, bytes| match bytes {
            Bytes::B0 => $module::calls::<Plain0 $(, $by_pointer)?>(case),
            Bytes::B8 => $module::calls::<Plain8 $(, $by_pointer)?>(case),
            Bytes::B24 => $module::calls::<Plain24 $(, $by_pointer)?>(case),
            Bytes::B128 => $module::calls::<Plain128 $(, $by_pointer)?>(case),
        })
    };
}

/// All subjects, in the order of the tables.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "loop", cases: &[Case::Ok], calls: bare::nothing, sized: None },
    Subject { name: "clock", cases: &[Case::Ok], calls: bare::clock, sized: None },
    Subject { name: "quanta", cases: &[Case::Ok], calls: bare::quanta, sized: None },
    Subject { name: "bare", cases: BARE, calls: |case| by!(bare, case, Fault), sized: sized!(bare, false) },
    Subject { name: "floor", cases: NO_SLOTS, calls: |case| by!(floor, case), sized: None },
    Subject { name: "by hand", cases: NO_SLOTS, calls: |case| by!(promises, case), sized: None },
    Subject { name: "attribute", cases: &Case::ALL, calls: attribute::calls::<Fault>, sized: sized!(attribute) },
    Subject { name: "call", cases: HANDLE, calls: |case| by!(handle, case, Fault), sized: sized!(handle, false) },
    Subject {
        name: "failsafe",
        cases: NO_SLOTS,
        calls: |case| by!(failsafe, case, Fault),
        sized: sized!(failsafe, false),
    },
    Subject {
        name: "recloser",
        cases: NO_SLOTS,
        calls: |case| by!(recloser, case, Fault),
        sized: sized!(recloser, false),
    },
    Subject { name: "breaker", cases: COMMON, calls: |case| by!(breaker, case, Fault), sized: sized!(breaker, false) },
    Subject { name: "tower-resilience", cases: COMMON, calls: |case| by!(tower, case), sized: None },
];

/// The cases of a service: a body that is read has no others.
const SERVED: &[Case] = &[Case::Ok, Case::Err, Case::Open, Case::Full];

/// Services of tower, each after the one that it is compared with.
pub const SERVICES: &[Subject] = &[
    Subject { name: "service", cases: &[Case::Ok, Case::Err], calls: layer::bare, sized: None },
    Subject { name: "layer", cases: SERVED, calls: |case| layer::layered(case, Way::One), sized: None },
    Subject { name: "layer, clones", cases: SERVED, calls: |case| layer::layered(case, Way::Clones), sized: None },
    Subject { name: "layer, key", cases: &[Case::Ok], calls: |case| layer::layered(case, Way::Keyed), sized: None },
    Subject { name: "tower-resilience", cases: SERVED, calls: |case| tower::calls::<false>(case), sized: None },
    Subject { name: "service, body", cases: &[Case::Ok], calls: layer::bare_body, sized: None },
    Subject { name: "layer, body", cases: &[Case::Ok], calls: layer::guarded_body, sized: None },
];

/// The subject with this name.
#[must_use]
pub fn subject(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().chain(SERVICES).find(|one| one.name == name)
}
