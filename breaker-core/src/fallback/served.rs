//! Collects the fallbacks that answer while a future or a closure runs.

use crate::breaker::handle::CircuitBreaker;
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How many fallbacks are kept of one run, so that a loop in it does not take memory without end.
const MAX_KEPT: usize = 256;
/// How many of them may differ only in their breaker, as keyed breakers do. So they leave space for
/// others.
const MAX_ALIKE: usize = 16;

/// A fallback that answered in place of the service: see [`served_fallbacks`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServedFallback {
    /// The breaker; for a keyed breaker, that of the key.
    pub breaker: CircuitBreaker,
    /// The annotated function.
    pub function: Option<&'static str>,
    /// The step that answered.
    pub source: &'static str,
    /// Why the step ran: `circuit_breaker_open`, `busy`, `timeout` or `failure`.
    pub reason: &'static str,
    /// How long the answer of a `cache(..)` step had been stored.
    pub age: Option<Duration>,
}

impl ServedFallback {
    /// Whether both differ in their breaker and their age at most.
    fn is_like(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.function, one.source, one.reason);
        what(self) == what(other)
    }

    /// Whether both differ in their age at most.
    fn is_same(&self, other: &Self) -> bool {
        self.is_like(other) && self.breaker.is(&other.breaker)
    }
}

// What is collected for the innermost run on this thread; `None`: there is no run.
std::thread_local!(static COLLECTED: RefCell<Option<Vec<ServedFallback>>> = const { RefCell::new(None) });

/// Runs a future, and returns its output with the fallbacks that answered in it. It is for a
/// service that marks such answers.
///
/// Each breaker, function, step and reason is there once, in the order of the first answer, with
/// the age of the oldest one. At most 256 are kept, and at most 16 that differ only in the key. A
/// fallback belongs to the run in which its call is polled. That includes calls below `join!` and
/// similar macros. It excludes spawned tasks, which can have a run of their own. Within another
/// run, only the inner run has the fallback.
///
/// `breaker-axum` has a layer that does this for HTTP.
///
/// ```
/// use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback, served_fallbacks};
///
/// #[circuit_breaker(name = "rates")]
/// #[fallback(value(1.0))]
/// async fn rate() -> Result<f64, CircuitBreakerError> {
///     Ok(1.1)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (answer, served) = served_fallbacks(rate()).await;
/// assert_eq!((answer.unwrap(), served.len()), (1.1, 0));
///
/// Registry::global().get("rates").unwrap().trip();
/// let (answer, served) = served_fallbacks(rate()).await;
/// assert_eq!((answer.unwrap(), served[0].reason), (1.0, "circuit_breaker_open"));
/// # }
/// ```
pub fn served_fallbacks<F: Future>(future: F) -> ServedFallbacks<F> {
    ServedFallbacks { future, served: Vec::new() }
}

/// Runs a closure, and returns its value with the fallbacks that answered in it: the same as
/// [`served_fallbacks`] for synchronous functions.
pub fn served_fallbacks_sync<T>(run: impl FnOnce() -> T) -> (T, Vec<ServedFallback>) {
    let mut served = Vec::new();
    let value = {
        let _run = Run::enter(&mut served);
        run()
    };
    (value, served)
}

pin_project! {
    /// The future of [`served_fallbacks`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited or polled"]
    pub struct ServedFallbacks<F> {
        #[pin]
        future: F,
        served: Vec<ServedFallback>,
    }
}

impl<F: Future> Future for ServedFallbacks<F> {
    type Output = (F::Output, Vec<ServedFallback>);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = {
            let _run = Run::enter(this.served);
            this.future.poll(context)
        };
        Poll::Ready((ready!(output), mem::take(this.served)))
    }
}

/// A run is on this thread until this is dropped, also by a panic.
struct Run<'s> {
    served: &'s mut Vec<ServedFallback>,
    outer: Option<Vec<ServedFallback>>,
}

impl<'s> Run<'s> {
    fn enter(served: &'s mut Vec<ServedFallback>) -> Self {
        let outer = swap(Some(mem::take(served)));
        Self { served, outer }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        *self.served = swap(self.outer.take()).unwrap_or_default();
    }
}

/// A thread that ends collects nothing.
fn swap(next: Option<Vec<ServedFallback>>) -> Option<Vec<ServedFallback>> {
    COLLECTED.try_with(|collected| collected.replace(next)).ok().flatten()
}

/// Records a fallback that has answered, if this thread is in a run.
pub(crate) fn record(served: impl FnOnce() -> ServedFallback) {
    // An error means that the thread ends.
    let _ = COLLECTED.try_with(|collected| {
        if let Some(known) = collected.borrow_mut().as_mut() {
            add(known, served());
        }
    });
}

fn add(known: &mut Vec<ServedFallback>, new: ServedFallback) {
    if let Some(one) = known.iter_mut().find(|one| one.is_same(&new)) {
        one.age = one.age.max(new.age);
    } else if known.len() < MAX_KEPT && known.iter().filter(|one| one.is_like(&new)).count() < MAX_ALIKE {
        known.push(new);
    }
}
