//! Subjects: the ways to make one call, one file for each.

mod attribute;
mod bare;
mod breaker;
mod failsafe;
mod floor;
mod handle;
mod recloser;
mod tower;

use crate::cases::Case;
use crate::drive::Calls;
use std::time::Duration;

/// Longer than anybody measures.
const DAY: Duration = Duration::from_secs(86_400);

/// A way to make calls.
#[derive(Debug)]
pub struct Subject {
    /// As tables show it.
    pub name: &'static str,
    calls: fn(Case) -> Option<Calls>,
}

impl Subject {
    /// Calls of this subject, if it has the case.
    #[must_use]
    pub fn calls(&self, case: Case) -> Option<Calls> {
        (self.calls)(case)
    }
}

/// All of them, in the order of the tables.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "loop", calls: bare::nothing },
    Subject { name: "clock", calls: bare::clock },
    Subject { name: "bare", calls: bare::calls },
    Subject { name: "floor", calls: floor::calls },
    Subject { name: "attribute", calls: attribute::calls },
    Subject { name: "call", calls: handle::calls },
    Subject { name: "failsafe", calls: failsafe::calls },
    Subject { name: "recloser", calls: recloser::calls },
    Subject { name: "breaker", calls: breaker::calls },
    Subject { name: "tower-resilience", calls: tower::calls },
];

/// Calls of the subject with this name, in the case with this name.
#[must_use]
pub fn calls(subject: &str, case: &str) -> Option<Calls> {
    let subject = SUBJECTS.iter().find(|one| one.name == subject)?;
    let case = Case::ALL.into_iter().find(|one| one.name() == case)?;
    subject.calls(case)
}
