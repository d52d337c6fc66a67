//! Probes: questions to the dependencies of a service, asked together, once for all who want to know at the same time.

use axum::BoxError;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared, join_all};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The most bytes that are shown of an error's text.
const MOST_TEXT: usize = 512;

/// One question.
type Question = Arc<dyn Fn() -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// What all questions came to, by name.
pub(crate) type Report = Arc<BTreeMap<String, Probe>>;

/// What a question came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Probe {
    /// Whether it was answered.
    pub(crate) healthy: bool,
    /// How long that took.
    latency_ms: f64,
    /// Why it was not answered.
    error: Option<String>,
}

/// The questions, and the run in which they are asked just now.
pub(crate) struct Probes {
    questions: BTreeMap<String, Question>,
    pub(crate) limit: Duration,
    /// Held by those who wait for it: when the last of them has gone, so has the run.
    running: Mutex<Option<WeakShared<BoxFuture<'static, Report>>>>,
}

impl Probes {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { questions: BTreeMap::new(), limit, running: Mutex::default() }
    }

    pub(crate) fn insert<F, T, E>(&mut self, name: &str, probe: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let ask = move || probe().map(|answered| answered.map(drop).map_err(Into::into)).boxed();
        self.questions.insert(name.into(), Arc::new(ask));
    }

    /// Asks all questions, or joins a run that is under way.
    pub(crate) async fn run(&self) -> Report {
        if self.questions.is_empty() {
            return Report::default();
        }
        self.present_run().await
    }

    fn present_run(&self) -> Shared<BoxFuture<'static, Report>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is over is of no use: what it says may be old.
        let present = running.as_ref().and_then(WeakShared::upgrade).filter(|run| run.peek().is_none());
        present.unwrap_or_else(|| {
            let begun = self.begin().shared();
            *running = begun.downgrade();
            begun
        })
    }

    fn begin(&self) -> BoxFuture<'static, Report> {
        let asked: Vec<_> = self.questions.iter().map(|(name, question)| self.ask(name, question)).collect();
        join_all(asked).map(|answers| Arc::new(answers.into_iter().collect())).boxed()
    }

    fn ask(&self, name: &str, question: &Question) -> BoxFuture<'static, (String, Probe)> {
        let (name, limit, question) = (name.to_owned(), self.limit, Arc::clone(question));
        // The user's code may panic when it is called, and when its future is polled. No lock is held there.
        async move {
            let begun = Instant::now();
            let answered = match std::panic::catch_unwind(AssertUnwindSafe(|| question())) {
                Ok(future) => AssertUnwindSafe(timeout(limit, future)).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let error = match answered {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(error))) => Some(shortened(with_causes(&*error))),
                Ok(Err(_)) => Some(format!("no answer within {limit:?}")),
                Err(panic) => Some(shortened(format!("the probe panicked: {}", words_of(&*panic)))),
            };
            (name, Probe { healthy: error.is_none(), latency_ms: begun.elapsed().as_secs_f64() * 1e3, error })
        }
        .boxed()
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.questions.keys().collect();
        f.debug_struct("Probes").field("names", &names).field("limit", &self.limit).finish()
    }
}

/// An error's text with those of the errors behind it, as far as they say something new.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    // As many as a person reads; a chain can run in a circle.
    let causes = std::iter::successors(error.source(), |&error| error.source()).take(8).map(ToString::to_string);
    causes.fold(error.to_string(), |told, cause| if told.contains(&cause) { told } else { format!("{told}: {cause}") })
}

fn shortened(mut text: String) -> String {
    if text.len() > MOST_TEXT {
        text.truncate(text.floor_char_boundary(MOST_TEXT));
        text.push('…');
    }
    text
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(without words)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    #[tokio::test]
    async fn a_run_that_is_over_is_not_joined_by_those_who_come_later() {
        let mut probes = Probes::new(Duration::from_secs(1));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        probes.insert("any", move || {
            count.fetch_add(1, Relaxed);
            std::future::ready(Ok::<_, Infallible>(()))
        });
        let run = probes.present_run();
        let not_polled_yet = run.clone();
        run.await;
        probes.run().await;
        assert_eq!(asked.load(Relaxed), 2);
        assert!(not_polled_yet.await["any"].healthy);
    }

    /// A probe may ask for the health of the very service, when it is called already.
    #[test]
    fn a_probe_is_called_with_no_lock_held() {
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let probes = Arc::new_cyclic(|itself: &std::sync::Weak<Probes>| {
                let (itself, mut probes) = (itself.clone(), Probes::new(Duration::from_secs(1)));
                probes.insert("itself", move || {
                    drop(itself.upgrade().map(|probes| probes.present_run()));
                    std::future::ready(Ok::<_, Infallible>(()))
                });
                probes
            });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            done.send(runtime.block_on(probes.run())["itself"].healthy)
        });
        assert!(wait.recv_timeout(Duration::from_secs(30)).expect("a lock is held"));
    }
}
