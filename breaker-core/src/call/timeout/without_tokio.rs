//! Has no time limits: stands in for `with_tokio` without the feature `tokio`.

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
