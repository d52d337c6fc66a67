//! Adds up the counts of all breakers of a `key`.

/// The sums of the counts of the keyed breakers.
#[derive(Clone, Copy, Default)]
pub(crate) struct KeyedTotals {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) rejected: u64,
    pub(crate) busy: u64,
    /// Calls that hold a place now.
    pub(crate) under_way: u32,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
}
