//! What one attempt of a `#[retry]` is: its panics, its cancellation, its key, its arguments.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::needless_pass_by_value, reason = "steps take what the function takes")]

mod common;

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry, testing};
use common::secs;
use futures_util::FutureExt as _;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::{Instant, timeout};

#[derive(Debug, PartialEq, thiserror::Error)]
enum AskError {
    #[error("open")]
    Open,
    #[error("down")]
    Down,
}

impl From<CircuitBreakerError> for AskError {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

#[circuit_breaker(name = "panics")]
#[retry(jitter = 0.0)]
#[fallback(value(9), on(open, failure))]
async fn panics(calls: &AtomicU32) -> Result<u32, AskError> {
    assert!(calls.fetch_add(1, Ordering::Relaxed) == 0, "the second attempt");
    Err(AskError::Down)
}

#[circuit_breaker(name = "panics_at_once", on_panic = ignore)]
#[retry(jitter = 0.0)]
async fn panics_at_once(calls: &AtomicU32) -> Result<u32, AskError> {
    calls.fetch_add(1, Ordering::Relaxed);
    panic!("the first attempt")
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_the_attempts_and_goes_on_unwinding() {
    testing::isolated(async {
        let (calls, start) = (AtomicU32::new(0), Instant::now());
        AssertUnwindSafe(panics(&calls)).catch_unwind().await.unwrap_err();
        assert_eq!((calls.into_inner(), start.elapsed()), (2, secs(2)));
        assert_eq!(testing::breaker("panics").snapshot().failure_count, 2, "an error and a panic");
        let calls = AtomicU32::new(0);
        AssertUnwindSafe(panics_at_once(&calls)).catch_unwind().await.unwrap_err();
        assert_eq!((calls.into_inner(), testing::breaker("panics_at_once").snapshot().failure_count), (1, 0));
    })
    .await;
}

#[circuit_breaker(name = "dropped", on_cancel = failure)]
#[retry(jitter = 0.0)]
async fn dropped(calls: &AtomicU32) -> Result<u32, AskError> {
    if calls.fetch_add(1, Ordering::Relaxed) == 0 { Err(AskError::Down) } else { pending().await }
}

#[tokio::test(start_paused = true)]
async fn on_cancel_is_for_an_attempt_and_not_for_the_wait_before_it() {
    testing::isolated(async {
        let calls = AtomicU32::new(0);
        timeout(secs(1), dropped(&calls)).await.unwrap_err();
        let counts = || testing::breaker("dropped").snapshot();
        assert_eq!(counts().failure_count, 1, "it was waiting");
        let calls = AtomicU32::new(0);
        timeout(secs(3), dropped(&calls)).await.unwrap_err();
        assert_eq!((calls.into_inner(), counts().failure_count), (2, 3), "the second attempt was under way");
    })
    .await;
}

/// Goes to the next host when one is down.
struct Client {
    hosts: Vec<&'static str>,
}

impl Client {
    #[circuit_breaker(name = "hosts", key = self.hosts[0], fail_max = 1)]
    #[retry(attempts = 3, jitter = 0.0)]
    async fn get(&mut self) -> Result<&'static str, AskError> {
        let host = self.hosts[0];
        if host == "up" {
            return Ok(host);
        }
        self.hosts.rotate_left(1);
        Err(AskError::Down)
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_is_evaluated_for_each_attempt() {
    testing::isolated(async {
        let recording = testing::record();
        assert_eq!(Client { hosts: vec!["down", "up"] }.get().await, Err(AskError::Down), "its breaker opens");
        testing::breaker("hosts").reconfigure(breaker_core::Config::new().fail_max(9)).unwrap();
        testing::breaker("hosts[down]").reset();
        drop(recording.take());
        assert_eq!(Client { hosts: vec!["down", "up"] }.get().await, Ok("up"));
        recording.assert(["hosts[down]: failure", "hosts[down]: retry 2", "hosts[up]: success"]);
    })
    .await;
}

/// A value that counts its clones.
#[derive(Debug)]
struct Counted(Arc<AtomicU32>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[circuit_breaker(name = "cloning")]
#[retry(attempts = 3, jitter = 0.0)]
#[fallback(declines, takes, on(open, failure))]
async fn cloning(down: &AtomicU32, value: Counted) -> Result<&'static str, AskError> {
    drop(value);
    if down.fetch_sub(1, Ordering::Relaxed) > 0 { Err(AskError::Down) } else { Ok("live") }
}

async fn declines(_: &AtomicU32, _: Counted) -> Option<&'static str> {
    None
}

fn takes(_: &AtomicU32, _: Counted) -> Option<&'static str> {
    Some("taken")
}

#[tokio::test(start_paused = true)]
async fn each_attempt_clones_once_and_the_last_step_takes_the_original() {
    testing::isolated(async {
        // One for each attempt, and one for the first step.
        for (down, given, clones) in [(0, "live", 1), (1, "live", 2), (3, "taken", 4)] {
            let counter = Arc::new(AtomicU32::new(0));
            let value = Counted(Arc::clone(&counter));
            assert_eq!(cloning(&AtomicU32::new(down), value).await, Ok(given));
            assert_eq!((counter.load(Ordering::Relaxed), Arc::strong_count(&counter)), (clones, 1), "{down} failures");
        }
        testing::breaker("cloning").force_open();
        let counter = Arc::new(AtomicU32::new(0));
        assert_eq!(cloning(&AtomicU32::new(0), Counted(Arc::clone(&counter))).await, Ok("taken"));
        assert_eq!(counter.load(Ordering::Relaxed), 1, "a rejected attempt needs none");
    })
    .await;
}

#[circuit_breaker(name = "in_turn")]
#[retry(attempts = 3, jitter = 0.0)]
async fn in_turn(
    log: &mut Vec<usize>,
    mut owned: Vec<u8>,
    (mut left, _): (u8, String),
    read: impl Fn(u8) -> u8 + Clone,
    #[cfg(any())] missing: NoSuchType,
    #[cfg(test)] there: String,
) -> Result<u8, AskError> {
    owned.push(read(left));
    left += 1;
    log.push(owned.len() + there.len());
    if log.len() < 3 { Err(AskError::Down) } else { Ok(left) }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_begins_with_the_same_owned_arguments_and_goes_on_with_the_borrowed_ones() {
    testing::isolated(async {
        let mut log = Vec::new();
        let left = in_turn(&mut log, vec![0], (1, String::new()), |n| n, "a".to_owned()).await;
        assert_eq!((left, log), (Ok(2), vec![3, 3, 3]));
    })
    .await;
}
