//! Limits the time of a call with tokio's timer.

use crate::breaker::caller::Owner;
use crate::breaker::handle::CircuitBreaker;
use crate::call::runtime::{self, Id};
use crate::sync::{Arc, Ordering, catch_panic};
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep};

/// The timer of a call's time limit, on the heap: few calls need one. It does not take part in
/// tokio's budget of a task. Otherwise a body that uses up its budget would never time out.
///
/// In an `Arc` that is never cloned: its drop is a short check and a call. The drop of a box would
/// be written out in every annotated function.
pub struct Limit(Arc<Timer>);

struct Timer {
    span: Duration,
    ends: Instant,
    /// The runtime whose timer wakes the call.
    handle: Handle,
    runtime: Id,
    /// The last runtime that was checked for a timer.
    checked: Id,
    /// As `dyn`, so that rustc knows at once that threads may share it. rustc checks that for each
    /// annotated function. `None`: it can wake no task any more.
    sleep: Option<Sleep>,
}

type Sleep = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// The answer of a timer that can wake no task: its runtime is gone.
pub(crate) struct Gone;

/// Waits for the time limit of a call whose body waits. Ready with the limit when its time is over.
/// If a runtime is gone, the limit is gone too.
pub(crate) fn wait(limit: &mut Option<Limit>, owner: &Owner, context: &mut Context<'_>) -> Poll<Duration> {
    if limit.is_none() {
        *limit = Limit::of(owner);
    }
    poll(limit, context)
}

/// The same for other waits, with the time limit that `span` returns, if there is one.
pub(crate) fn wait_for(
    limit: &mut Option<Limit>,
    span: impl FnOnce() -> Option<Duration>,
    breaker: &CircuitBreaker,
    context: &mut Context<'_>,
) -> Poll<Duration> {
    if limit.is_none() {
        if let Some(span) = span() {
            *limit = Limit::after(span);
            if limit.is_none() {
                breaker.warn_of_no_timer();
            }
        }
    }
    poll(limit, context)
}

fn poll(limit: &mut Option<Limit>, context: &mut Context<'_>) -> Poll<Duration> {
    match limit.as_mut().map(|limit| limit.poll(context)) {
        Some(Poll::Ready(Ok(span))) => Poll::Ready(span),
        _ => Poll::Pending,
    }
}

impl Limit {
    /// Creates a timer for a call that waits from now on. `None` where it has no limit, or where no
    /// timer could wake it. The second case is logged once: outside of a tokio runtime, and in one
    /// without `enable_time`.
    #[cold]
    fn of(owner: &Owner) -> Option<Self> {
        let limit = Self::after(owner.limit()?);
        if limit.is_none() {
            owner.breaker().warn_of_no_timer();
        }
        limit
    }

    /// A timer that runs from now on, where there is one.
    #[cold]
    pub(crate) fn after(span: Duration) -> Option<Self> {
        let handle = Handle::try_current().ok()?;
        let runtime = runtime::of(&handle);
        let sleep = Some(begin(span)?);
        Some(Self(Arc::new(Timer { span, ends: end(span), handle, runtime, checked: runtime, sleep })))
    }

    /// How long it runs.
    #[cfg(any(feature = "stream", all(test, feature = "retry")))]
    pub(crate) fn span(&self) -> Duration {
        self.0.span
    }

    /// Ready with the limit when its time is over, and with an error when nothing can wake it any
    /// more.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Duration, Gone>> {
        let Some(timer) = Arc::get_mut(&mut self.0) else { return Poll::Pending };
        timer.follow();
        let Some(sleep) = &mut timer.sleep else { return Poll::Ready(Err(Gone)) };
        let mut polled = Poll::Ready(Err(Gone));
        // The timer panics if its runtime ends at this very moment, or while it polls the call.
        catch_panic(|| polled = sleep.as_mut().poll(context).map(|()| Ok(timer.span)));
        if matches!(polled, Poll::Ready(Err(Gone))) {
            timer.sleep = None;
        }
        polled
    }
}

impl Timer {
    /// Lets a call that has moved to another runtime use the timer of that runtime. Its first
    /// runtime may be gone. Without another timer, the first one is kept while its runtime runs:
    /// the timer of a runtime that is gone panics.
    fn follow(&mut self) {
        if let Ok(here) = Handle::try_current() {
            let id = runtime::of(&here);
            if id == self.runtime {
                return;
            }
            if id != self.checked && self.move_to(here, id) {
                return;
            }
        }
        if self.sleep.is_some() && !is_running(&self.handle) {
            self.sleep = None;
        }
    }

    /// Uses the timer of another runtime, if that has one.
    fn move_to(&mut self, here: Handle, id: Id) -> bool {
        self.checked = id;
        let Some(sleep) = begin(self.ends.saturating_duration_since(Instant::now())) else { return false };
        (self.sleep, self.handle, self.runtime) = (Some(sleep), here, id);
        true
    }
}

/// Whether a runtime still takes tasks. tokio does not report that a runtime is gone, but ends at
/// once what is spawned there.
fn is_running(runtime: &Handle) -> bool {
    let task = runtime.spawn(pending::<()>());
    let is_over = task.is_finished();
    task.abort();
    !is_over
}

/// `None`: the runtime has no timer. tokio reports that only by a panic.
fn begin(span: Duration) -> Option<Sleep> {
    let mut begun: Option<Sleep> = None;
    catch_panic(|| begun = Some(Box::pin(unconstrained(sleep(span)))));
    begun
}

/// A span that is too long to be counted ends in a thousand years.
pub(crate) fn end(span: Duration) -> Instant {
    const LONGEST: Duration = Duration::from_secs(1000 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(span).unwrap_or_else(|| now + LONGEST)
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limit").field(&self.0.span).finish()
    }
}

impl CircuitBreaker {
    pub(crate) fn warn_of_no_timer(&self) {
        // Once for all keys.
        if let Some(later) = self.0.keyed_breaker() {
            return later.parent().warn_of_no_timer();
        }
        if !self.0.without_timer.swap(true, Ordering::Relaxed) {
            #[cfg(feature = "tracing")]
            crate::breaker::log::notice(&format!(
                "circuit breaker `{}`: outside of a tokio runtime with a timer, time limits have no effect and `#[retry]` makes no second attempt",
                self.name()
            ));
        }
    }
}
