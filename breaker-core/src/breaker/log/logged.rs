//! Keeps what was logged for a breaker, so that the number of repeated lines is bounded.

use crate::breaker::log::rate::Rate;
use crate::breaker::throttle::Throttle;

/// The lines above DEBUG that may repeat with each call, of a breaker or of all keyed breakers of a
/// parent.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    pub(super) streaks: Throttle,
    pub(super) drops: Throttle,
    /// State changes of keyed breakers. There are as many as keys, and clients may choose the keys.
    pub(super) changes: Rate,
    /// Other notices about keyed breakers, once for each of them or for each of their trials.
    pub(super) notices: Rate,
    /// Functions, and those that have succeeded inside their calls while failures of such calls
    /// were hidden. The last one is at the end.
    pub(super) inner_successes: Vec<(Option<&'static str>, &'static str)>,
}
