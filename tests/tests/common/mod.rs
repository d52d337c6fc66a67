//! What several test files need.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use breaker_core::{CircuitBreaker, Config};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A breaker of its own, named `test`.
pub(crate) fn breaker(config: Config) -> CircuitBreaker {
    CircuitBreaker::new("test", config).unwrap()
}

/// `n` calls that fail.
pub(crate) fn fail(breaker: &CircuitBreaker, n: u32) {
    for _ in 0..n {
        breaker.call_sync(|| Err::<(), _>("failed")).unwrap_err();
    }
}

/// `n` calls that succeed.
pub(crate) fn succeed(breaker: &CircuitBreaker, n: u32) {
    for _ in 0..n {
        breaker.call_sync(|| Ok::<_, &str>(())).unwrap();
    }
}

/// Enough failures to open it.
pub(crate) fn open(breaker: &CircuitBreaker) {
    fail(breaker, breaker.config().fail_max);
}

/// Log lines at INFO and above, kept for a look.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        self.subscriber_at(tracing::Level::INFO)
    }

    pub(crate) fn subscriber_at(&self, level: tracing::Level) -> impl tracing::Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .without_time()
            .with_max_level(level)
            .finish()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
