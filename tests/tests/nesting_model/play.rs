//! Play: what the code around and inside of calls does.

use crate::made::made;
use crate::run::Run;
use crate::tree::{Call, Child, End, How, Judge, Pause, Plan, Way};
use breaker_core::{CircuitBreakerError, Outcome};
use futures_util::future::LocalBoxFuture;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) type Given = Result<(), Fault>;
pub(crate) type Playing = LocalBoxFuture<'static, Given>;

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Failure,
    Ignored,
    Fine,
    /// A breaker has rejected a call, or cut it off.
    Breaker(CircuitBreakerError),
}

impl From<CircuitBreakerError> for Fault {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Breaker(error)
    }
}

impl Judge {
    pub(crate) fn outcome(self, given: &Given) -> Outcome {
        match (self, given) {
            (Self::Nothing, _) | (Self::Strict, Err(_)) => Outcome::failure(),
            (_, Ok(()) | Err(Fault::Fine)) => Outcome::success(),
            (Self::Itself, Err(Fault::Ignored)) => Outcome::ignored(),
            (Self::Itself, Err(Fault::Breaker(error))) if !error.is_timeout() => Outcome::ignored(),
            (Self::Itself, Err(_)) => Outcome::failure(),
        }
    }
}

/// A call, and what the code around it does with it.
pub(crate) fn play(run: &Run, child: &Child) -> Playing {
    let (run, call, way) = (run.clone(), child.call.clone(), child.way);
    Box::pin(async move {
        match way {
            Way::Plain => made(&run, &call).await,
            Way::Spawned => {
                run.spawn(made(&run, &call));
                Ok(())
            }
            Way::Awaited => run.awaited(made(&run, &call)).await,
            Way::Retried(attempts) => {
                let mut given = made(&run, &call).await;
                for _ in 1..attempts {
                    if given.is_err() {
                        given = made(&run, &call).await;
                    }
                }
                given
            }
            Way::Replaced => made(&run, &call).await.or(Ok(())),
            Way::Fallback { of, fails } => match made(&run, &call).await {
                Ok(()) => Ok(()),
                Err(_) => made(&run, &Arc::new(Call::step(of, fails))).await,
            },
            Way::Within(span) => within(&run, span, made(&run, &call)).await,
            Way::Caught => Caught(made(&run, &call)).await,
            Way::Once => once(made(&run, &call)),
        }
    })
}

impl Call {
    /// What a fallback does.
    fn step(of: usize, fails: bool) -> Self {
        Self {
            of,
            how: How::Async,
            judge: Judge::Itself,
            begins: Pause::None,
            hand: None,
            plan: Plan::All,
            children: Vec::new(),
            goes_on: Pause::None,
            end: if fails { End::Failure } else { End::Success },
        }
    }
}

/// What a call does.
pub(crate) fn body(run: &Run, call: &Arc<Call>) -> Playing {
    let (run, call) = (run.clone(), call.clone());
    Box::pin(async move {
        pause(&run, call.begins).await;
        if let Some((of, hand)) = call.hand {
            run.world.by_hand(of, hand);
        }
        let given = inside(&run, &call).await;
        pause(&run, call.goes_on).await;
        match call.end {
            End::Inside => given,
            End::Success => Ok(()),
            End::Failure => Err(Fault::Failure),
            End::Ignored => Err(Fault::Ignored),
            End::Fine => Err(Fault::Fine),
            // The hook does not hear of it.
            End::Panic => resume_unwind(Box::new(Planned)),
        }
    })
}

async fn inside(run: &Run, call: &Call) -> Given {
    let children = call.children.iter().map(|child| play(run, child));
    match call.plan {
        Plan::Sequence => {
            for child in children {
                child.await?;
            }
            Ok(())
        }
        Plan::All => {
            let mut given = Ok(());
            for child in children {
                given = child.await;
            }
            given
        }
        Plan::Join => futures_util::future::join_all(children).await.into_iter().collect(),
        Plan::TryJoin => futures_util::future::try_join_all(children).await.map(drop),
        Plan::Select => First(children.collect()).await,
    }
}

async fn pause(run: &Run, pause: Pause) {
    match pause {
        Pause::None => {}
        Pause::Yields => yields(run).await,
        Pause::For(span) => until(run, run.world.wake_in(span)).await,
    }
}

async fn yields(run: &Run) {
    let mut again = false;
    poll_fn(|_| {
        if std::mem::replace(&mut again, true) {
            return Poll::Ready(());
        }
        run.world.moved.set(true);
        Poll::Pending
    })
    .await;
}

async fn until(run: &Run, deadline: Duration) {
    poll_fn(|_| if run.world.now.get() >= deadline { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// The user's own time limit.
async fn within(run: &Run, span: Duration, mut playing: Playing) -> Given {
    let deadline = run.world.wake_in(span);
    poll_fn(|context| match playing.as_mut().poll(context) {
        Poll::Pending if run.world.now.get() >= deadline => Poll::Ready(Err(Fault::Failure)),
        polled => polled,
    })
    .await
}

/// Polls once and drops: what cannot wait fails.
pub(crate) fn once(mut playing: Playing) -> Given {
    match playing.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(given) => given,
        Poll::Pending => Err(Fault::Failure),
    }
}

/// The first that is ready; the others are dropped then.
struct First(Vec<Playing>);

impl Future for First {
    type Output = Given;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Given> {
        if self.0.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut polled = self.0.iter_mut().map(|playing| playing.as_mut().poll(context));
        polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
    }
}

/// What bodies panic with.
pub(crate) struct Planned;

/// A planned panic is an error.
pub(crate) struct Caught(pub(crate) Playing);

impl Future for Caught {
    type Output = Given;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Given> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(polled) => polled,
            Err(panic) if panic.is::<Planned>() => Poll::Ready(Err(Fault::Failure)),
            Err(found) => resume_unwind(found),
        }
    }
}
