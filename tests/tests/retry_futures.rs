//! `#[retry]` on functions that return a future, on methods of an annotated impl block, and of
//! traits.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::manual_async_fn, reason = "that is what is tested")]

mod common;

use async_recursion::async_recursion;
use async_trait::async_trait;
use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry, testing};
use common::secs;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::Instant;

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

/// What the service says, call by call: it is down `down` times.
struct Service {
    down: u32,
    calls: u32,
}

impl Service {
    const fn down(down: u32) -> Self {
        Self { down, calls: 0 }
    }

    fn answer(&mut self) -> Result<u32, AskError> {
        self.calls += 1;
        if self.calls <= self.down { Err(AskError::Down) } else { Ok(self.calls) }
    }
}

#[async_trait]
trait Search {
    async fn ask(&mut self, log: &mut Vec<String>, text: String) -> Result<u32, AskError>;
    async fn ask_or_spare(&mut self, text: String) -> Result<u32, AskError>;
    async fn generic<T: Into<String> + Clone + Send>(&mut self, text: T) -> Result<u32, AskError>;
    async fn hang(&self) -> Result<u32, AskError>;
}

#[async_trait]
impl Search for Service {
    #[circuit_breaker(name = "search")]
    #[retry(attempts = 3, min = "2s", max = "3s", jitter = 0.0)]
    async fn ask(&mut self, log: &mut Vec<String>, text: String) -> Result<u32, AskError> {
        tokio::task::yield_now().await;
        log.push(text);
        self.answer()
    }

    #[retry(attempts = 2, jitter = 0.0)]
    #[fallback(spare = |_| Some(self.calls + u32::try_from(text.len()).unwrap()), on(open, failure))]
    #[circuit_breaker(name = "search")]
    async fn ask_or_spare(&mut self, text: String) -> Result<u32, AskError> {
        drop(text);
        self.answer()
    }

    #[circuit_breaker(name = "search")]
    #[retry(attempts = 2, jitter = 0.0)]
    async fn generic<T: Into<String> + Clone + Send>(&mut self, text: T) -> Result<u32, AskError> {
        let text: String = text.into();
        self.answer().map(|call| call + u32::try_from(text.len()).unwrap())
    }

    #[circuit_breaker(name = "search", timeout = "1s")]
    #[retry(attempts = 2, jitter = 0.0)]
    async fn hang(&self) -> Result<u32, AskError> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_under_async_trait_is_tried_again_with_its_own_arguments() {
    testing::isolated(async {
        let recording = testing::record();
        let (start, mut log, mut service) = (Instant::now(), Vec::new(), Service::down(2));
        assert_eq!(service.ask(&mut log, "tea".to_owned()).await, Ok(3));
        assert_eq!((log, start.elapsed()), (vec!["tea".to_owned(); 3], secs(5)));
        recording.assert([
            "search: failure",
            "search: retry 2",
            "search: failure",
            "search: retry 3",
            "search: success",
        ]);
        assert_eq!(Service::down(3).ask(&mut Vec::new(), String::new()).await, Err(AskError::Down));
        assert_eq!(Service::down(1).generic("tea").await, Ok(5));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_around_it_has_self_and_the_arguments_after_the_last_attempt() {
    testing::isolated(async {
        assert_eq!(Service::down(2).ask_or_spare("tea".to_owned()).await, Ok(2 + 3));
        testing::breaker("search").force_open();
        assert_eq!(Service::down(0).ask_or_spare("cake".to_owned()).await, Ok(4));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_time_limit() {
    testing::isolated(async {
        let start = Instant::now();
        assert_eq!(Service::down(0).hang().await, Err(AskError::Open));
        assert_eq!(start.elapsed(), secs(1 + 2 + 1));
        assert_eq!(testing::breaker("search").snapshot().failure_count, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_future_is_lazy_and_send_and_ends_with_its_drop() {
    testing::isolated(async {
        let breaker = testing::breaker("search");
        breaker.force_open();
        let mut service = Service::down(0);
        drop(service.generic("tea"));
        assert_eq!(breaker.snapshot().rejected_count, 0, "nobody polled it");
        breaker.clear_override();
        let task = tokio::spawn(async move { service.generic("tea").await });
        assert_eq!(task.await.unwrap(), Ok(4));

        let mut down = Service::down(9);
        assert!(tokio::time::timeout(secs(1), down.generic("tea")).await.is_err());
        tokio::time::advance(secs(60)).await;
        assert_eq!((down.calls, breaker.snapshot().failure_count), (1, 1));
    })
    .await;
}

#[circuit_breaker(name = "by_hand", fail_max = 9)]
impl Service {
    #[retry(jitter = 0.0)]
    fn in_a_block(&mut self, mut text: String) -> impl Future<Output = Result<String, AskError>> + Send {
        async move {
            text.push('!');
            self.answer().map(|_| text)
        }
    }

    #[retry(jitter = 0.0)]
    async fn in_a_block_async(&mut self) -> Result<u32, AskError> {
        self.answer()
    }
}

/// A value that counts its clones.
struct Counted(Arc<AtomicU32>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[circuit_breaker(name = "by_hand")]
#[retry(jitter = 0.0)]
fn with_locals(service: &Arc<AtomicU32>, unused: Counted, name: Counted) -> BoxFuture<'static, Result<u32, AskError>> {
    let made = format!("{}", service.fetch_add(100, Ordering::Relaxed));
    let (mut calls, service) = (0, Arc::clone(service));
    let name = Counted(Arc::clone(&name.0));
    let _ = unused.0.load(Ordering::Relaxed);
    async move {
        calls += 1;
        drop((made, name));
        if service.fetch_add(calls, Ordering::Relaxed) < 102 { Err(AskError::Down) } else { Ok(calls) }
    }
    .boxed()
}

#[tokio::test(start_paused = true)]
async fn what_stands_before_the_block_runs_once_and_each_attempt_has_clones_of_what_it_uses() {
    testing::isolated(async {
        let [service, unused, used] = [0, 0, 0].map(|n| Arc::new(AtomicU32::new(n)));
        let asked = with_locals(&service, Counted(Arc::clone(&unused)), Counted(Arc::clone(&used)));
        assert_eq!(service.load(Ordering::Relaxed), 100, "it runs when the function is called");
        assert_eq!(asked.await, Ok(1), "each attempt begins with the same locals");
        assert_eq!([service, unused, used].map(|count| count.load(Ordering::Relaxed)), [103, 0, 3]);
    })
    .await;
}

#[async_recursion]
#[circuit_breaker(name = "recursive", fail_max = 9)]
#[retry(attempts = 2, jitter = 0.0)]
async fn above(service: &mut Service, depth: u32) -> Result<u32, AskError> {
    if depth == 0 { service.answer() } else { above(service, depth - 1).await }
}

#[circuit_breaker(name = "recursive", fail_max = 9)]
#[retry(attempts = 2, jitter = 0.0)]
#[async_recursion]
async fn below(service: &mut Service, depth: u32) -> Result<u32, AskError> {
    if depth == 0 { service.answer() } else { below(service, depth - 1).await }
}

trait Asked {
    async fn asked(&mut self) -> Result<u32, AskError>;

    #[circuit_breaker(name = "provided")]
    #[retry(attempts = 2, jitter = 0.0)]
    async fn provided(&mut self) -> Result<u32, AskError> {
        self.asked().await
    }
}

impl Asked for Service {
    async fn asked(&mut self) -> Result<u32, AskError> {
        self.answer()
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_recursions_and_traits_have_it_too() {
    testing::isolated(async {
        assert_eq!(Service::down(2).in_a_block("a".to_owned()).await.unwrap(), "a!");
        assert_eq!(Service::down(2).in_a_block_async().await, Ok(3));
        assert_eq!(Service::down(1).provided().await, Ok(2));
        assert_eq!((above(&mut Service::down(3), 1).await, below(&mut Service::down(3), 1).await), (Ok(4), Ok(4)));
        let counts = ["by_hand", "provided", "recursive"].map(|name| testing::breaker(name).snapshot().failure_count);
        // Of each recursion the inner attempts fail three times; the outer one that fails by the
        // first two counts no more.
        assert_eq!(counts, [4, 1, 6]);
    })
    .await;
}
