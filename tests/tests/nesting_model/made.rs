//! One call of a breaker, in each way in which it can be made, and what is reported of it to the
//! world.

use crate::functions;
use crate::play::play;
use crate::play::{Fault, Given, Playing, body, once};
use crate::reference::Ending;
use crate::run::Run;
use crate::tree::{Call, How, Judge};
use crate::world::World;
use breaker_core::{CallError, Outcome, guard_stream};
use futures_util::{Stream, StreamExt as _, stream};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A call that is dropped before it is over is reported to the world when all of it is gone.
struct Watch {
    world: Rc<World>,
    id: usize,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.world.dropped(self.id);
    }
}

/// One call of a breaker.
pub(crate) fn made(run: &Run, call: &Arc<Call>) -> Playing {
    let (run, call) = (run.clone(), call.clone());
    Box::pin(async move {
        let Some(id) = run.world.enter(call.of) else { return Ok(()) };
        let watch = Watch { world: run.world.clone(), id };
        match call.how {
            How::Async if run.world.annotated && call.judge != Judge::Strict => by_function(&run, &call, &watch).await,
            How::Sync if run.world.annotated && call.judge == Judge::Itself => by_function_sync(&run, &call, &watch),
            How::Async => by_call(&run, &call, &watch).await,
            How::Sync => by_call_sync(&run, &call, &watch),
            How::Permit => by_permit(&run, &call, &watch).await,
            How::Run | How::RunSync => by_run(&run, &call, &watch).await,
            How::Stream if run.world.annotated => by_stream_of_function(&run, &call, &watch).await,
            How::Stream => by_stream(&run, &call, &watch).await,
        }
    })
}

async fn by_function(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let body = Body { world: run.world.clone(), id: watch.id, inner: body(run, call) };
    let given = match (call.of, call.judge) {
        (0, Judge::Nothing) => functions::a_nothing(body).await,
        (_, Judge::Nothing) => functions::b_nothing(body).await,
        (0, _) => functions::a(body).await,
        _ => functions::b(body).await,
    };
    watch.came_back(given, call.judge)
}

fn by_function_sync(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let closure = Box::new(at_once(run, call, watch.id));
    let given = if call.of == 0 { functions::a_sync(closure) } else { functions::b_sync(closure) };
    watch.came_back(given, call.judge)
}

async fn by_call(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let body = Body { world: run.world.clone(), id: watch.id, inner: body(run, call) };
    let breaker = &run.world.breakers[call.of];
    let given = breaker.call_classified(body, |given| call.judge.outcome(given)).await;
    watch.over(given, call.judge)
}

fn by_call_sync(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let closure = at_once(run, call, watch.id);
    let given = run.world.breakers[call.of].call_sync_classified(closure, |given| call.judge.outcome(given));
    watch.over(given, call.judge)
}

/// The body of a sync call.
fn at_once(run: &Run, call: &Arc<Call>, id: usize) -> impl FnOnce() -> Given + use<> {
    let (world, body) = (run.world.clone(), body(run, call));
    move || {
        let polled = world.poll(id);
        let given = once(body);
        polled.came_back();
        world.gives(id);
        given
    }
}

async fn by_permit(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let permit = match run.world.breakers[call.of].try_acquire() {
        Ok(permit) => permit,
        Err(error) => return watch.over(Err(CallError::Rejected(error)), call.judge),
    };
    run.world.let_in(watch.id);
    let given = body(run, call).await;
    permit.record(call.judge.outcome(&given));
    // What it is settled by is no error.
    run.world.end(watch.id, ending(call.judge.outcome(&given)), false);
    given
}

async fn by_run(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let permit = match run.world.breakers[call.of].try_acquire() {
        Ok(permit) => permit,
        Err(error) => return watch.over(Err(CallError::Rejected(error)), call.judge),
    };
    let judge = |given: &Given| call.judge.outcome(given);
    let given = if call.how == How::Run {
        let body = Body { world: run.world.clone(), id: watch.id, inner: body(run, call) };
        permit.run_with(body, judge).await
    } else {
        permit.run_sync_with(at_once(run, call, watch.id), judge)
    };
    watch.over(given, call.judge)
}

async fn by_stream(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let permit = match run.world.breakers[call.of].try_acquire() {
        Ok(permit) => permit,
        Err(error) => return watch.over(Err(CallError::Rejected(error)), call.judge),
    };
    run.world.let_in(watch.id);
    let items = Items { world: run.world.clone(), id: watch.id, inner: Box::pin(items(run, call)) };
    let mut items = guard_stream(permit, items);
    let mut given = Ok(());
    while given.is_ok()
        && let Some(item) = items.next().await
    {
        given = item;
    }
    watch.over(given.map_err(CallError::Inner), Judge::Strict)
}

/// The same by attribute, to which an item that is a rejection by another breaker is ignored.
async fn by_stream_of_function(run: &Run, call: &Arc<Call>, watch: &Watch) -> Given {
    let items = Items { world: run.world.clone(), id: watch.id, inner: Box::pin(items(run, call)) };
    let streamed = if call.of == 0 { functions::a_stream(items) } else { functions::b_stream(items) };
    let mut items = match streamed {
        Ok(items) => items,
        Err(Fault::Breaker(error)) => return watch.over(Err(CallError::Rejected(error)), Judge::Itself),
        Err(fault) => unreachable!("its body gives no {fault:?}"),
    };
    run.world.let_in(watch.id);
    let mut given = Ok(());
    while given.is_ok()
        && let Some(item) = items.next().await
    {
        given = item;
    }
    watch.over(given.map_err(CallError::Inner), Judge::Itself)
}

/// The calls inside are the items.
fn items(run: &Run, call: &Arc<Call>) -> impl Stream<Item = Given> + use<> {
    let (run, children) = (run.clone(), call.children.clone());
    let whole = Call { children: Vec::new(), ..Call::clone(call) };
    let last = stream::once(body(&run, &Arc::new(whole)));
    stream::iter(children).then(move |child| play(&run, &child)).chain(last)
}

impl Watch {
    /// An annotated function has come back with this.
    fn came_back(&self, given: Given, judge: Judge) -> Given {
        let given = given.map_err(|fault| match fault {
            Fault::Breaker(error) if !self.world.gave(self.id) => CallError::Rejected(error),
            fault => CallError::Inner(fault),
        });
        self.over(given, judge)
    }

    /// The call has come back with this.
    fn over(&self, given: Result<(), CallError<Fault>>, judge: Judge) -> Given {
        let given = match given {
            Ok(()) => Ok(()),
            Err(CallError::Inner(fault)) => Err(fault),
            Err(CallError::Rejected(error)) => {
                self.world.rejected_in_all(self.id, &error);
                return Err(Fault::Breaker(error));
            }
        };
        self.world.end(self.id, ending(judge.outcome(&given)), given.is_err());
        given
    }
}

fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Success => Ending::Success,
        Outcome::Ignored => Ending::Ignored,
        _ => Ending::Failure(None),
    }
}

/// A body that reports to the world when it is polled.
pub(crate) struct Body {
    world: Rc<World>,
    id: usize,
    inner: Playing,
}

impl Future for Body {
    type Output = Given;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Given> {
        let this = &mut *self;
        let running = this.world.poll(this.id);
        let polled = this.inner.as_mut().poll(context);
        running.came_back();
        match polled {
            Poll::Pending => this.world.waits(this.id),
            Poll::Ready(_) => this.world.gives(this.id),
        }
        polled
    }
}

/// A stream that reports to the world when it is polled.
pub(crate) struct Items {
    world: Rc<World>,
    id: usize,
    inner: Pin<Box<dyn Stream<Item = Given>>>,
}

impl Stream for Items {
    type Item = Given;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Given>> {
        let this = &mut *self;
        let running = this.world.poll(this.id);
        let polled = this.inner.as_mut().poll_next(context);
        running.came_back();
        let gave = match &polled {
            Poll::Ready(item) => Some(matches!(item, Some(Ok(())))),
            Poll::Pending => None,
        };
        this.world.streams(this.id, gave);
        polled
    }
}
