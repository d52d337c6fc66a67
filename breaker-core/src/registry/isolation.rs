//! Provides a registry for one test, and lets annotated functions find it (feature `test-util`).
//!
//! The binding of a callsite always leads to the global registry. In an isolated test, this module
//! provides another binding. It finds the isolation by the task that is being polled, or else by
//! the runtime. The runtime identifies tasks that the test spawns.

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

/// A registry, and the value of each `static` of a function in it, by the address of the `static`.
/// It is leaked, because an error or a handle may outlive the test.
struct Isolation {
    registry: Registry,
    slots: Mutex<HashMap<(usize, TypeId), &'static (dyn Any + Send + Sync)>>,
}

/// How many isolations run. Without one, a lookup costs one load.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The isolations of the tasks of each runtime, the latest last.
static RUNTIMES: LazyLock<Mutex<Vec<(Id, &'static Isolation)>>> = LazyLock::new(Mutex::default);

thread_local!(static POLLED: Cell<Option<&'static Isolation>> = const { Cell::new(None) });

/// Runs `test` with its own registry. Inside, annotated functions and [`Registry::global`] use that
/// registry. Every breaker in it is closed and counts from zero. Thus tests of one process never
/// share breakers, however the tests are run.
///
/// The registry knows the breakers of all annotated functions from the start (feature `register`).
/// It does not read the process's environment; [`Registry::load_env_from`] gives it variables.
/// Tasks that the test spawns belong to its isolation. In a runtime with several isolations at
/// once, they belong to the one that began last. tokio before 1.49 cannot distinguish runtimes.
/// With it, the tasks on the test's own thread belong to the isolation.
///
/// A thread of `std::thread::spawn` belongs to no isolation: its calls reach the global registry.
/// In a test, use `tokio::task::spawn_blocking`, or give the thread a [`Handle`] and
/// [`enter`](Handle::enter) it there.
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
/// Dropping it ends the isolation. Breakers that were used in it remain valid.
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

/// The value of the `static` at this address in the caller's isolation. The first call makes it
/// with `make`, and holds no lock meanwhile.
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

/// Whether any isolation runs.
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
    // A thread that is ending has no cell any more, and belongs to no isolation.
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

/// While it lives, the runtime's tasks belong to an isolation.
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

/// Restores the isolation that was polled before, even when the poll panics.
struct Polled(Option<&'static Isolation>);

impl Drop for Polled {
    fn drop(&mut self) {
        POLLED.set(self.0);
    }
}
