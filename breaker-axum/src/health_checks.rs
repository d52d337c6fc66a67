//! Checks the dependencies of a service concurrently, once for all requests that wait at a time.

use super::axum::BoxError;
use super::catch_panic::{CatchPanic, catch_panic};
use super::text;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared, join_all};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, error::Elapsed, timeout};

/// How many bytes of an error's text are shown.
const MAX_TEXT: usize = 512;

/// A user's closure that checks one dependency.
type Check = Arc<dyn Fn() -> Checking + Send + Sync>;
/// A check that is running.
type Checking = BoxFuture<'static, Result<(), BoxError>>;

/// The results of all checks, by name.
pub(crate) type Report = Arc<BTreeMap<String, CheckResult>>;

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CheckResult {
    /// Whether the check returned `Ok` in time.
    pub(crate) healthy: bool,
    /// How long it took.
    latency_ms: f64,
    /// Why it is not healthy.
    error: Option<String>,
}

/// All checks of a service, and their present run.
pub(crate) struct HealthChecks {
    checks: BTreeMap<String, Check>,
    pub(crate) timeout: Duration,
    /// Only the requests that wait for the run own it: it is dropped with the last of them.
    running: Mutex<Option<WeakShared<BoxFuture<'static, Report>>>>,
}

impl HealthChecks {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { checks: BTreeMap::new(), timeout, running: Mutex::default() }
    }

    pub(crate) fn insert<F, T, E>(&mut self, name: &str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let check = move || check().map(|result| result.map(drop).map_err(Into::into)).boxed();
        self.checks.insert(name.into(), Arc::new(check));
    }

    /// Runs all checks, or joins their present run.
    pub(crate) async fn run(&self) -> Report {
        if self.checks.is_empty() {
            return Report::default();
        }
        self.present_run().await
    }

    fn present_run(&self) -> Shared<BoxFuture<'static, Report>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // The results of a finished run may be old.
        let present = running.as_ref().and_then(WeakShared::upgrade).filter(|run| run.peek().is_none());
        present.unwrap_or_else(|| {
            let started = self.start().shared();
            *running = started.downgrade();
            started
        })
    }

    /// Runs no user code, since the caller holds a lock. The first poll does.
    fn start(&self) -> BoxFuture<'static, Report> {
        let checks = self.checks.iter();
        let results = checks.map(|(name, check)| run_check(name.clone(), Arc::clone(check), self.timeout));
        join_all(results).map(|results| Arc::new(results.into_iter().collect())).boxed()
    }
}

/// Runs one check. A panic in it is a result, since a panic in the shared run would reach no
/// request.
async fn run_check(name: String, check: Check, limit: Duration) -> (String, CheckResult) {
    let started = Instant::now();
    let result = CatchPanic::new(failure_of(check, limit).boxed()).await;
    let error = result.unwrap_or_else(|message| Some(panicked(&message)));
    (name, CheckResult { healthy: error.is_none(), latency_ms: started.elapsed().as_secs_f64() * 1e3, error })
}

/// Why a check failed; `None` if it did not.
async fn failure_of(check: Check, limit: Duration) -> Option<String> {
    let mut checking = match catch_panic(|| check()) {
        Ok(checking) => CatchPanic::new(checking),
        Err(message) => return Some(panicked(&message)),
    };
    let result = timeout(limit, &mut checking).await;
    // Before the text of the error: if the destructor panics, its message is the reason.
    let dropped = checking.drop_inner();
    let failure = match result {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(text_of(error)),
        Ok(Err(message)) => Some(panicked(&message)),
        Err(Elapsed { .. }) => Some(format!("no answer within {limit:?}")),
    };
    dropped.err().map(|message| panicked(&message)).or(failure)
}

fn panicked(message: &str) -> String {
    text::shortened(&format!("the probe panicked: {message}"), MAX_TEXT)
}

/// The text of an error. Its `Display`, `source` and destructor are user code.
fn text_of(error: BoxError) -> String {
    let text = catch_panic(|| text::shortened(&text::with_causes(&*error), MAX_TEXT));
    let dropped = catch_panic(|| drop(error));
    text.and_then(|text| dropped.map(|()| text)).unwrap_or_else(|message| panicked(&message))
}

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.keys().collect();
        f.debug_struct("HealthChecks").field("names", &names).field("timeout", &self.timeout).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[tokio::test]
    async fn a_finished_run_is_not_joined() {
        let mut checks = HealthChecks::new(Duration::from_secs(1));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        checks.insert("any", move || {
            count.fetch_add(1, Relaxed);
            std::future::ready(Ok::<_, Infallible>(()))
        });
        let run = checks.present_run();
        let not_polled_yet = run.clone();
        run.await;
        checks.run().await;
        assert_eq!(asked.load(Relaxed), 2);
        assert!(not_polled_yet.await["any"].healthy);
    }
}
