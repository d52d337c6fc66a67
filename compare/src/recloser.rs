//! Wraps recloser.

use crate::{Answer, Body, Call, Fault, LONG, Rival, State};
use ::recloser::{AsyncRecloser, Error};
use futures_util::TryFutureExt as _;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// recloser, which has no limit of probes. A ring of results has to be full before the next one
/// decides. The ring of a closed breaker holds three results here, that of a half-open one a single
/// result.
#[derive(Clone, Debug)]
pub struct Recloser(AsyncRecloser);

impl Recloser {
    fn new(rate: f32, ring: usize, first: Duration) -> Self {
        let builder = ::recloser::Recloser::custom().error_rate(rate).closed_len(ring).half_open_len(1);
        Self(builder.open_wait(first).open_wait_strategy(|_, _| LONG).build().into())
    }

    /// A call that is ready at the first poll, since its body is.
    fn now(&self, result: Result<(), Fault>) -> Result<(), Answer> {
        let call = pin!(self.call(Box::pin(ready(result))));
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => unreachable!("the body is ready"),
        }
    }
}

impl Rival for Recloser {
    const NAME: &str = "recloser";
    const FAILURES: usize = 4;
    const DECISIVE: usize = 2;

    fn short() -> Self {
        Self::new(1.0, 3, Duration::ZERO)
    }

    fn long() -> Self {
        Self::after(Self::FAILURES)
    }

    fn after(failures: usize) -> Self {
        Self::new(1.0, failures - 1, LONG)
    }

    fn half_of_ten() -> Option<Self> {
        Some(Self::new(0.5, 10, LONG))
    }

    fn call(&self, body: Body) -> Call {
        let call = self.0.call_with(|fault: &Fault| *fault == Fault::Service, body);
        Box::pin(call.map_err(|error| match error {
            Error::Inner(fault) => Answer::Fault(fault),
            Error::Rejected => Answer::Rejected,
        }))
    }

    async fn state_behind(open: Self) -> State {
        let breaker = Self::long();
        for _ in 0..Self::FAILURES {
            let rejected = breaker.0.call(open.0.call(ready(Ok::<(), Fault>(())))).await;
            assert!(matches!(rejected, Err(Error::Inner(Error::Rejected))), "{rejected:?}");
        }
        breaker.state()
    }

    /// It does not show its state. Two failures reveal it: they open a half-open breaker, but not a
    /// closed one.
    fn state(&self) -> State {
        let failures = [(); 3].map(|()| self.now(Err(Fault::Service)));
        match failures.map(|answer| answer == Err(Answer::Rejected)) {
            [true, ..] => State::Open,
            [_, _, true] => State::HalfOpen,
            _ => State::Closed,
        }
    }

    async fn wait(&self) {
        crate::wait_for_the_clock();
    }
}
