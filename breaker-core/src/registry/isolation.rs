//! A registry for one test, and how annotated functions find it (feature `test-util`).
//!
//! A site's own link leads to the global registry for ever. In an isolated test its link is looked
//! up here instead: by the task that is being polled, or else by the runtime, which is how tasks
//! that the test spawns are known.

use crate::call::runtime::{self, Id};
use crate::registry::Registry;
use crate::sync::statics::{AtomicUsize, Mutex};
use crate::sync::{LazyLock, Ordering};
use std::any::{Any, TypeId};
use std::cell::Cell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use tokio::runtime::Handle;

/// A registry, and what each `static` of a function has in it, by its address. It is leaked: an
/// error or a handle may outlive the test.
struct Isolation {
    registry: Registry,
    slots: Mutex<HashMap<(usize, TypeId), &'static (dyn Any + Send + Sync)>>,
}

/// How many isolations run: where there is none, looking for one is one load.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Whom the tasks of a runtime belong to, the latest last.
static RUNTIMES: LazyLock<Mutex<Vec<(Id, &'static Isolation)>>> = LazyLock::new(Mutex::default);

thread_local!(static POLLED: Cell<Option<&'static Isolation>> = const { Cell::new(None) });

/// Runs `test` with a registry of its own: inside, annotated functions and [`Registry::global`] use
/// that one, in which every breaker is closed and counts from zero. So tests of one process never
/// share breakers, however they are run.
///
/// The registry knows the breakers of all annotated functions from the start (feature `register`).
/// It does not read the process's environment; [`Registry::load_env_from`] gives it variables. Tasks
/// that the test spawns belong to it too: those of a runtime with several isolations at once to the
/// one that began last. With a tokio before 1.49, which does not tell runtimes apart, these are the
/// tasks on the test's own thread.
///
/// ```
/// # use breaker_core::{CircuitBreakerError, Registry, State, circuit_breaker, testing};
/// #[circuit_breaker(name = "payments")]
/// async fn pay() -> Result<(), CircuitBreakerError> {
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// testing::isolated(async {
///     testing::open(&testing::breaker("payments"));
///     assert!(pay().await.is_err());
/// })
/// .await;
/// assert!(pay().await.is_ok());
/// # }
/// ```
///
/// # Cancellation
/// Dropping it ends the isolation; breakers that were used in it can still be held.
pub async fn isolated<F: Future>(test: F) -> F::Output {
    let isolation = Isolation::begin();
    let _running = Running::new(isolation);
    let mut test = pin!(test);
    poll_fn(move |context| {
        let _polled = Polled(POLLED.replace(Some(isolation)));
        test.as_mut().poll(context)
    })
    .await
}

/// The registry of the isolation that the caller belongs to.
pub(crate) fn registry() -> Option<&'static Registry> {
    current().map(|isolation| &isolation.registry)
}

/// What the `static` at this address has in the isolation that the caller belongs to. `make` makes
/// it at the first call, with no lock held.
#[inline]
pub(crate) fn slot<T: Send + Sync + 'static>(address: usize, make: impl FnOnce(&Registry) -> T) -> Option<&'static T> {
    let isolation = current()?;
    let key = (address, TypeId::of::<T>());
    let known = isolation.slots.lock().get(&key).copied();
    let slot = known.unwrap_or_else(|| {
        let made: &'static T = Box::leak(Box::new(make(&isolation.registry)));
        *isolation.slots.lock().entry(key).or_insert(made)
    });
    slot.downcast_ref()
}

/// Whether there is any.
#[inline]
pub(crate) fn runs() -> bool {
    RUNNING.load(Ordering::Relaxed) != 0
}

#[inline]
fn current() -> Option<&'static Isolation> {
    if runs() { search() } else { None }
}

#[inline(never)]
fn search() -> Option<&'static Isolation> {
    // A thread that is ending has no cell any more, and belongs to nobody.
    POLLED.try_with(Cell::get).ok().flatten().or_else(|| {
        let runtime = runtime::of(&Handle::try_current().ok()?);
        RUNTIMES.lock().iter().rev().find(|(id, _)| *id == runtime).map(|(_, isolation)| *isolation)
    })
}

impl Isolation {
    fn begin() -> &'static Self {
        Box::leak(Box::new(Self { registry: Registry::isolated(), slots: Mutex::default() }))
    }
}

/// Says for as long as it lives that the runtime's tasks belong to an isolation.
struct Running(&'static Isolation);

impl Running {
    fn new(isolation: &'static Isolation) -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        if let Ok(handle) = Handle::try_current() {
            RUNTIMES.lock().push((runtime::of(&handle), isolation));
        }
        Self(isolation)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNTIMES.lock().retain(|(_, isolation)| !std::ptr::eq(*isolation, self.0));
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Puts back what was polled before, also when the poll panics.
struct Polled(Option<&'static Isolation>);

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.set(self.0);
    }
}
