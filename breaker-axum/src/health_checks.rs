//! Probes: questions to the dependencies of a service, asked together, once for all who want to know at the same time.

use super::axum::BoxError;
use super::catch_panic::{Contained, contain};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared, join_all};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, error::Elapsed, timeout};

/// The most bytes that are shown of an error's text.
const MOST_TEXT: usize = 512;

/// One question.
type Question = Arc<dyn Fn() -> Asking + Send + Sync>;
/// A question that is being answered.
type Asking = BoxFuture<'static, Result<(), BoxError>>;

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

    /// Runs no code of a probe: that is for the first poll, since the caller holds a lock.
    fn begin(&self) -> BoxFuture<'static, Report> {
        let asked = self.questions.iter().map(|(name, question)| ask(name.clone(), Arc::clone(question), self.limit));
        join_all(asked).map(|answers| Arc::new(answers.into_iter().collect())).boxed()
    }
}

/// Asks one question. Whatever panics in it is an answer: the run is shared, and a panic would leave all who wait without one.
async fn ask(name: String, question: Question, limit: Duration) -> (String, Probe) {
    let begun = Instant::now();
    let asked = Contained::new(answer(question, limit).boxed()).await;
    let error = asked.unwrap_or_else(|words| Some(panicked(&words)));
    (name, Probe { healthy: error.is_none(), latency_ms: begun.elapsed().as_secs_f64() * 1e3, error })
}

/// Why the question was not answered, if it was not.
async fn answer(question: Question, limit: Duration) -> Option<String> {
    let mut asking = match contain(|| question()) {
        Ok(asking) => Contained::new(asking),
        Err(words) => return Some(panicked(&words)),
    };
    let answered = timeout(limit, &mut asking).await;
    // Before the text: what its destructor says of a panic is the reason then.
    let ended = asking.end();
    let text = match answered {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(text_of(error)),
        Ok(Err(words)) => Some(panicked(&words)),
        Err(Elapsed { .. }) => Some(format!("no answer within {limit:?}")),
    };
    ended.err().map(|words| panicked(&words)).or(text)
}

fn panicked(words: &str) -> String {
    shortened(format!("the probe panicked: {words}"))
}

/// An error's text. Its `Display`, `source` and destructor are the user's code.
fn text_of(error: BoxError) -> String {
    let text = contain(|| shortened(with_causes(&*error)));
    let dropped = contain(|| drop(error));
    text.and_then(|text| dropped.map(|()| text)).unwrap_or_else(|words| panicked(&words))
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
        text.truncate(start(&text, MOST_TEXT).len());
        text.push('…');
    }
    text
}

/// The beginning of `text`: at most `most` bytes, which end with a whole character.
pub(crate) fn start(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
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
}
