//! Replaces `timeout` without the feature `tokio`: then there are no time limits.

use crate::breaker::caller::Owner;
use crate::breaker::handle::CircuitBreaker;
use std::task::{Context, Poll};
use std::time::Duration;

#[derive(Debug)]
pub enum Limit {}

pub(crate) fn wait(_: &mut Option<Limit>, _: &Owner, _: &mut Context<'_>) -> Poll<Duration> {
    Poll::Pending
}

pub(crate) fn wait_for(
    _: &mut Option<Limit>,
    _: impl FnOnce() -> Option<Duration>,
    _: &CircuitBreaker,
    _: &mut Context<'_>,
) -> Poll<Duration> {
    Poll::Pending
}
