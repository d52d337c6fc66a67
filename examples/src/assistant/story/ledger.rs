//! Counts who got which answer, and how long it took.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

/// Longer waits are recorded as this: ten minutes.
const MOST_MICROS: u64 = 600_000_000;

/// The kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    Live,
    Second,
    NoNotes,
    Cached,
    Excerpts,
    Unavailable,
    Other,
}

/// How many users got each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) live: u64,
    /// Answers of the second provider.
    pub(super) second: u64,
    pub(super) no_notes: u64,
    pub(super) cached: u64,
    pub(super) excerpts: u64,
    pub(super) unavailable: u64,
    pub(super) other: u64,
    pub(super) slowest: Duration,
}

impl Tally {
    fn add(&mut self, got: Got, took: Duration) {
        let count = match got {
            Got::Live => &mut self.live,
            Got::Second => &mut self.second,
            Got::NoNotes => &mut self.no_notes,
            Got::Cached => &mut self.cached,
            Got::Excerpts => &mut self.excerpts,
            Got::Unavailable => &mut self.unavailable,
            Got::Other => &mut self.other,
        };
        *count += 1;
        self.slowest = self.slowest.max(took);
    }

    /// How many users got an answer of any kind.
    pub(super) fn all(&self) -> u64 {
        self.live + self.second + self.no_notes + self.cached + self.excerpts + self.unavailable + self.other
    }
}

/// The records of one act.
#[derive(Clone, Debug)]
pub(super) struct Books {
    /// All users.
    pub(super) total: Tally,
    /// Users who were answered since the last look.
    recent: Tally,
    /// The waits of all users, in microseconds.
    pub(super) waits: Histogram<u64>,
    /// The waits of users who asked during the outage.
    pub(super) waits_in_outage: Histogram<u64>,
}

/// The records, shared by all writers.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<Books>);

impl Ledger {
    pub(super) fn new() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, MOST_MICROS, 3).expect("the bounds and the digits are in range");
        let (total, recent) = (Tally::default(), Tally::default());
        Self(Mutex::new(Books { total, recent, waits: histogram(), waits_in_outage: histogram() }))
    }

    pub(super) fn note(&self, got: Got, took: Duration, in_outage: bool) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut books = self.lock();
        books.total.add(got, took);
        books.recent.add(got, took);
        books.waits.saturating_record(micros);
        if in_outage {
            books.waits_in_outage.saturating_record(micros);
        }
    }

    /// The records since the last look.
    pub(super) fn recent(&self) -> Tally {
        std::mem::take(&mut self.lock().recent)
    }

    pub(super) fn close(&self) -> Books {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
