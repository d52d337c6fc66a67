//! Tests that the log of an outage is a few lines, however many calls it costs.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use breaker_examples::assistant::{
    answer::Source,
    notes::Notes,
    question::{Context, Question, Wish},
};

use crate::environment::{assert_success, is_child, paused, run_with};
use crate::harness::{KNOWN, World};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the log of this thread while it lives.
pub(crate) struct Log {
    lines: Lines,
    _default: tracing::subscriber::DefaultGuard,
}

impl Log {
    /// Collects from this level on.
    pub(crate) fn gather(level: tracing::Level) -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_max_level(level).with_writer(move || writer.clone());
        Self { lines, _default: tracing::subscriber::set_default(log.finish()) }
    }

    /// The log so far.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(lines).expect("logs are text")
    }
}

#[test]
fn an_outage_of_10_000_rejected_calls_logs_at_most_8_lines() {
    // A process of its own: tracing may cache that a callsite is disabled when another test's
    // thread reaches it first.
    if !is_child() {
        let this = "logging::an_outage_of_10_000_rejected_calls_logs_at_most_8_lines";
        return assert_success(&run_with(this, &[]));
    }
    paused(outage());
}

async fn outage() {
    let log = Log::gather(tracing::Level::INFO);
    let world = World::new().await;
    world.open().await;
    let context = Context::find(&Notes::built_in(), KNOWN);
    let question = Question { user: "ada".to_owned(), query: KNOWN.to_owned(), context, wish: Wish::SomethingNow };
    for _ in 0..10_000 {
        let answer = world.generator().answer(&question).await.expect("there are excerpts");
        assert_eq!(answer.source, Source::Excerpts);
    }
    assert_eq!(world.snapshot().rejected_count, 10_000);
    let log = log.text();
    let count = log.lines().count();
    assert!((1..=8).contains(&count), "{count} lines:\n{log}");
    assert!(log.contains("huggingface_api"), "{log}");
}
