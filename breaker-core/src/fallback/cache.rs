//! Runs a `cache(..)` step with its store. A store never fails the call: its errors, panics and
//! timeouts are reported.

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::{Report, StoreFailure, is_quiet};
use crate::breaker::throttle::Throttle;
use crate::call::result::Fallible;
use crate::clock;
use crate::fallback::context::{FallbackContext, FallbackMetadata};
use crate::fallback::failed_call::{Ended, On};
use crate::fallback::settle::Falls;
use crate::fallback::store::{AnyStore, Stored, SyncCacheStore};
use crate::machine::outcome::Outcome;
#[cfg(feature = "test-util")]
use crate::registry::isolation;
use crate::sync::catch_panic;
use crate::sync::statics::{Mutex, OnceLock};

use std::fmt::{self, Display};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
#[cfg(feature = "tokio")]
use std::time::Duration;

/// The longest that an answer waits for a store.
#[cfg(feature = "tokio")]
pub(crate) const WAIT_BUDGET: Duration = Duration::from_millis(250);

/// One `cache(..)` step of a function; a `static` in its body.
#[derive(Debug)]
pub struct CacheCallsite {
    source: &'static str,
    state: State,
}

/// What a step keeps, for the process or for one isolated test.
#[derive(Debug, Default)]
pub(crate) struct State {
    failures: Mutex<Throttle>,
    #[cfg(feature = "moka")]
    pub(crate) built_in: crate::fallback::moka::Caches,
}

impl CacheCallsite {
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        let state = State {
            failures: Mutex::new(Throttle::EMPTY),
            #[cfg(feature = "moka")]
            built_in: crate::fallback::moka::Caches::new(),
        };
        Self { source, state }
    }

    pub(crate) fn state(&'static self) -> &'static State {
        #[cfg(feature = "test-util")]
        if let Some(state) = isolation::slot(std::ptr::from_ref(self).addr(), |_| State::default()) {
            return state;
        }
        &self.state
    }

    /// Reports a store that did not work.
    fn report_failure<T, E: Display>(
        &'static self,
        (breaker, function): StepCaller<'_>,
        result: Result<T, Trouble<E>>,
    ) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let consecutive = self.state().failures.lock().count(clock::now());
        if consecutive == 1 || breaker.has_observers() || !is_quiet() {
            let event = StoreFailure { breaker, function, source: self.source, error: &error, consecutive };
            breaker.report(Report::StoreFailure(&event));
        }
        None
    }
}

/// The caller of a step: the breaker, and the annotated function.
pub(crate) type StepCaller<'a> = (&'a CircuitBreaker, Option<&'static str>);

/// Why a store returned nothing.
pub(crate) enum Trouble<E> {
    Error(E),
    Panic,
    #[cfg(feature = "tokio")]
    Late,
}

impl<E: Display> Display for Trouble<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic => f.write_str("the store panicked"),
            #[cfg(feature = "tokio")]
            Self::Late => write!(f, "the store gave no answer within {}", humantime::format_duration(WAIT_BUDGET)),
        }
    }
}

/// Whether a call has ended with an answer to store, and its owner. Such a call is a success with
/// an `Ok`.
#[derive(Debug, Default)]
pub struct Fresh(OnceLock<Ended>);

impl Fresh {
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// A copy of the result's answer, if it has to be stored. `Clone` is user code, and may panic.
    pub fn answer<R: Fallible<Ok: Storable>>(&self, result: &R) -> Option<Stored<R::Ok>> {
        let value = self.0.get().and(result.view().ok())?;
        let mut copy = None;
        catch_panic(|| copy = Some(Stored::new(value.stored())));
        copy
    }

    fn caller(&self) -> Option<StepCaller<'_>> {
        self.0.get().map(|Ended(owner)| (owner.breaker(), owner.function()))
    }
}

impl Falls for (On, &Fresh) {
    fn on(&self) -> On {
        self.0
    }

    fn ended<R: Fallible>(&self, ended: &Ended, result: &R, outcome: Outcome) {
        if outcome == Outcome::Success && result.view().is_ok() {
            // A call ends once, so it is empty.
            let _ = self.1.0.set(ended.clone());
        }
    }
}

/// What a `cache(..)` step needs of a function's answer.
#[diagnostic::on_unimplemented(
    message = "`cache(..)` keeps a copy of the function's answer, but `{Self}` is not `Clone`",
    label = "the `T` of the function's `Result<T, _>` cannot be stored",
    note = "derive `Clone` for it, or for the type in it that has none (in a `Vec<Part>` that is `Part`); or return an `Arc<{Self}>`"
)]
pub trait Storable {
    #[must_use]
    fn stored(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Storable for T {
    fn stored(&self) -> Self {
        self.clone()
    }
}

/// Reads an earlier answer from the store.
pub async fn cached<R, K, S, Way>(
    rejection: &FallbackContext<'_>,
    step: &'static CacheCallsite,
    key: &K,
    store: &S,
) -> Option<Stored<R::Ok>>
where
    R: Fallible,
    S: AnyStore<K, R::Ok, Way> + ?Sized,
{
    let found = in_time(async { store.find(key).await }).await;
    step.report_failure(rejection.caller(), found).flatten()
}

/// Reads an earlier answer from the store, in a synchronous function.
pub fn cached_sync<R, K, S>(
    rejection: &FallbackContext<'_>,
    step: &'static CacheCallsite,
    key: &K,
    store: &S,
) -> Option<Stored<R::Ok>>
where
    R: Fallible,
    S: SyncCacheStore<K, R::Ok> + ?Sized,
{
    step.report_failure(rejection.caller(), at_once(|| store.get(key))).flatten()
}

/// Stores an answer.
pub async fn keep<K, V, S, Way>(fresh: &Fresh, step: &'static CacheCallsite, key: K, answer: Stored<V>, store: &S)
where
    S: AnyStore<K, V, Way> + ?Sized,
{
    if let Some(caller) = fresh.caller() {
        let kept = in_time(async { store.keep(key, answer).await }).await;
        step.report_failure(caller, kept);
    }
}

/// Stores an answer, in a synchronous function.
pub fn keep_sync<K, V, S>(fresh: &Fresh, step: &'static CacheCallsite, key: K, answer: Stored<V>, store: &S)
where
    S: SyncCacheStore<K, V> + ?Sized,
{
    if let Some(caller) = fresh.caller() {
        let kept = at_once(|| store.put(key, answer));
        step.report_failure(caller, kept);
    }
}

/// The same answer for one more store.
#[must_use]
pub fn share<V>(answer: &Stored<V>) -> Stored<V> {
    answer.clone()
}

/// Serves an earlier answer, as `with` says, and reports it.
pub fn serve<R: Fallible<Ok: Storable>>(
    rejection: &FallbackContext<'_>,
    source: &'static str,
    stored: &Stored<R::Ok>,
    with: impl FnOnce(R::Ok, &FallbackMetadata) -> R::Ok,
) -> R {
    let age = stored.age();
    let value = with(stored.value().stored(), &rejection.metadata(source).with_age(age));
    rejection.answered_with(source, Some(age), R::from_ok(value))
}

/// Serves an earlier answer unchanged.
pub fn as_stored<T>(value: T, _metadata: &FallbackMetadata) -> T {
    value
}

pub(crate) fn at_once<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<T, Trouble<E>> {
    let mut result = Err(Trouble::Panic);
    catch_panic(|| result = work().map_err(Trouble::Error));
    result
}

/// Waits for the store, up to a limit, and catches its panics. That includes a panic of a future
/// that is dropped unfinished.
async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, Trouble<E>> {
    let mut work = pin!(Some(work));
    #[cfg(feature = "tokio")]
    let mut limit: Option<crate::call::timeout::Limit> = None;
    let result = poll_fn(|context| {
        let mut polled = Poll::Ready(Err(Trouble::Panic));
        catch_panic(|| {
            if let Some(work) = work.as_mut().as_pin_mut() {
                polled = work.poll(context).map(|result| result.map_err(Trouble::Error));
            }
        });
        #[cfg(feature = "tokio")]
        if polled.is_pending() {
            limit = limit.take().or_else(|| crate::call::timeout::Limit::after(WAIT_BUDGET));
            if limit.as_mut().is_some_and(|limit| matches!(limit.poll(context), Poll::Ready(Ok(_)))) {
                return Poll::Ready(Err(Trouble::Late));
            }
        }
        polled
    })
    .await;
    catch_panic(|| work.set(None));
    result
}
