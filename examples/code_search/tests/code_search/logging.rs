//! Tests that the log of an outage is a few lines, however many calls it costs.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use breaker_code_search::cascade::Level;
use breaker_core::{Config, State};
use tracing::Level as Severity;

use crate::{
    environment::{assert_success, is_child, run_with},
    harness::{World, redis, until_recovery},
    servers::{redis_url, start_redis},
};

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

impl Lines {
    /// Collects the lines of this severity and above from now on.
    fn from(severity: Severity) -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_max_level(severity);
        let guard = tracing::subscriber::set_default(log.with_writer(move || writer.clone()).finish());
        (lines, guard)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn count(&self, what: &str) -> usize {
        self.text().lines().filter(|line| line.contains(what)).count()
    }
}

/// Runs a test in a process of its own: tracing may cache that a callsite is disabled when another
/// test's thread reaches it first.
fn alone(name: &str, test: impl Future<Output = ()>) {
    if !is_child() {
        return assert_success(&run_with(&format!("logging::{name}"), &[]));
    }
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime can be made").block_on(test);
}

#[test]
fn an_outage_of_10_000_calls_logs_at_most_8_lines() {
    alone("an_outage_of_10_000_calls_logs_at_most_8_lines", async {
        let mut server = start_redis(&[]).await;
        let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
        // No trial comes in between, even on a slow machine.
        redis().reconfigure(Config::new().recovery_timeout(Duration::from_secs(3_600))).expect("it is a setting");
        world.index().await;
        assert_eq!(world.search("say hello").await.status, 200);
        let (lines, _log) = Lines::from(Severity::INFO);
        server.kill();
        let cache = world.service.code.cache();
        for _ in 0..10_000 {
            assert_eq!(cache.get::<u32>("nothing").await, None);
        }
        let (snapshot, text) = (redis().snapshot(), lines.text());
        assert_eq!((snapshot.failure_count, snapshot.rejected_count), (5, 9_995));
        assert_eq!(lines.count("cache_cascade_degraded"), 1, "{text}");
        let count = text.lines().count();
        assert!((1..=8).contains(&count), "{count} lines:\n{text}");
    });
}

#[test]
fn a_degraded_cascade_is_told_once_for_each_outage() {
    alone("a_degraded_cascade_is_told_once_for_each_outage", async {
        let (lines, _log) = Lines::from(Severity::DEBUG);
        let mut server = start_redis(&[]).await;
        let world = World::with(|config| config.redis_url = redis_url(server.port)).await;
        let cache = world.service.code.cache();
        for outage in 1..=2 {
            server.kill();
            while redis().state() == State::Closed {
                cache.get::<u32>("nothing").await;
            }
            // A failed trial belongs to the same outage.
            until_recovery(&redis()).await;
            for _ in 0..20 {
                cache.get::<u32>("nothing").await;
            }
            assert_eq!(lines.count("cache_cascade_degraded"), outage);
            server.restart().await;
            until_recovery(&redis()).await;
            cache.get::<u32>("nothing").await;
            assert_eq!((redis().state(), lines.count("cache_cascade_restored")), (State::Closed, outage));
        }
        assert!(lines.count("cache_miss") > 40);
        cache.set("key", &1).await;
        cache.clear_l1();
        for level in [Level::L2, Level::L1] {
            assert_eq!(cache.get::<u32>("key").await, Some((1, level)));
            assert_eq!(lines.count(&format!("event_type=\"cache_hit\" level={level}")), 1);
        }
    });
}
