//! Remembers what was logged of a breaker, so that lines that come with each call are bounded.

use crate::breaker::log::rate::Rate;
use crate::breaker::throttle::Throttle;

/// What was told of a breaker, or of all values of a `key`, above DEBUG that may come again with
/// each call.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    pub(super) runs: Throttle,
    pub(super) drops: Throttle,
    /// Changes of the values' states: there are as many as values, and these are anybody's.
    pub(super) changes: Rate,
    /// What else is told of values, once for each of them or for each of their trials.
    pub(super) notices: Rate,
    /// Functions, and those that have succeeded inside their calls while failures of such calls
    /// were hidden; what was last is at the end.
    pub(super) answers: Vec<(Option<&'static str>, &'static str)>,
}
