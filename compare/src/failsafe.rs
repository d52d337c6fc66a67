//! Wraps failsafe.

use crate::{Answer, Body, Call, Fault, LONG, Rival, State};
use ::failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use ::failsafe::futures::CircuitBreaker as _;
use ::failsafe::{Config, Error, StateMachine};
use futures_util::TryFutureExt as _;
use std::iter::{Chain, Once, Repeat, once, repeat};
use std::time::Duration;

type Waits = Chain<Once<Duration>, Repeat<Duration>>;

/// failsafe, which has no limit of probes.
#[derive(Clone, Debug)]
pub struct Failsafe(StateMachine<ConsecutiveFailures<Waits>, ()>);

impl Failsafe {
    fn new(first: Duration) -> Self {
        let policy = consecutive_failures(1, once(first).chain(repeat(LONG)));
        Self(Config::new().failure_policy(policy).build())
    }
}

impl Rival for Failsafe {
    const NAME: &str = "failsafe";

    fn short() -> Self {
        Self::new(Duration::ZERO)
    }

    fn long() -> Self {
        Self::new(LONG)
    }

    fn call(&self, body: Body) -> Call {
        let call = self.0.call_with(|fault: &Fault| *fault == Fault::Service, body);
        Box::pin(call.map_err(|error| match error {
            Error::Inner(fault) => Answer::Fault(fault),
            Error::Rejected => Answer::Rejected,
        }))
    }

    /// It shows its state only in `Debug`.
    fn state(&self) -> State {
        let shown = format!("{:?}", self.0);
        match ["closed", "half_open", "open"].into_iter().find(|state| shown.contains(state)) {
            Some("closed") => State::Closed,
            Some("half_open") => State::HalfOpen,
            _ => State::Open,
        }
    }

    async fn wait(&self) {
        crate::wait_for_the_clock();
    }
}
