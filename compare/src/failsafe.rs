//! Wraps failsafe.

use crate::{Answer, Body, Call, Fault, Guarded, Items, LONG, Rival, State};
use ::failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use ::failsafe::futures::CircuitBreaker as _;
use ::failsafe::futures::stream::BreakerStream;
use ::failsafe::{Config, Error, StateMachine};
use futures_util::{StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use std::future::ready;
use std::iter::{Chain, Once, Repeat, once, repeat};
use std::time::Duration;

type Waits = Chain<Once<Duration>, Repeat<Duration>>;

/// failsafe, which has no limit of probes.
#[derive(Clone, Debug)]
pub struct Failsafe(StateMachine<ConsecutiveFailures<Waits>, ()>);

impl Failsafe {
    fn new(failures: u32, first: Duration) -> Self {
        let policy = consecutive_failures(failures, once(first).chain(repeat(LONG)));
        Self(Config::new().failure_policy(policy).build())
    }
}

impl Rival for Failsafe {
    const NAME: &str = "failsafe";

    fn short() -> Self {
        Self::new(1, Duration::ZERO)
    }

    fn long() -> Self {
        Self::new(1, LONG)
    }

    fn after(failures: usize) -> Self {
        Self::new(failures.try_into().expect("a small number"), LONG)
    }

    /// Its rate is an average over a time.
    fn half_of_ten() -> Option<Self> {
        None
    }

    fn call(&self, body: Body) -> Call {
        Box::pin(self.0.call_with(is_failure, body).map_err(Answer::from))
    }

    async fn state_behind(open: Self) -> State {
        let breaker = Self::long();
        for _ in 0..Self::FAILURES {
            let rejected = breaker.0.call(open.0.call(ready(Ok::<(), Fault>(())))).await;
            assert!(matches!(rejected, Err(Error::Inner(Error::Rejected))), "{rejected:?}");
        }
        breaker.state()
    }

    fn stream(&self, items: Items) -> Guarded {
        BreakerStream::new_with(self.0.clone(), items, is_failure).map_err(Answer::from).boxed()
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

fn is_failure(fault: &Fault) -> bool {
    *fault == Fault::Service
}

impl From<Error<Fault>> for Answer {
    fn from(error: Error<Fault>) -> Self {
        match error {
            Error::Inner(fault) => Self::Fault(fault),
            Error::Rejected => Self::Rejected,
        }
    }
}
