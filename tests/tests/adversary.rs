//! What a review found by trying to break the library.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CacheStore, CircuitBreakerError, Stored, circuit_breaker, fallback, retry, testing};
use common::secs;
use futures_util::FutureExt as _;
use std::fmt;
use std::future::pending;
use std::panic::AssertUnwindSafe;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum AskError {
    #[error("open")]
    Open,
    #[error("status {0}")]
    Status(u16),
}

impl From<CircuitBreakerError> for AskError {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

/// Whatever a panic counts as: the call's time was over.
#[tokio::test(start_paused = true)]
async fn a_body_that_panics_while_it_is_cut_off_is_a_failure() {
    #[circuit_breaker(name = "adversary_cut", timeout = "1s", on_panic = ignore)]
    async fn hangs() -> Result<(), AskError> {
        let _bomb = Bomb;
        pending().await
    }
    #[circuit_breaker(name = "adversary_cut", timeout = "1s", failure_if(|()| false))]
    async fn hangs_with_a_judge_of_values() -> Result<(), AskError> {
        let _bomb = Bomb;
        pending().await
    }
    testing::isolated(async {
        assert!(AssertUnwindSafe(hangs()).catch_unwind().await.is_err());
        assert!(AssertUnwindSafe(hangs_with_a_judge_of_values()).catch_unwind().await.is_err());
        let snapshot = testing::breaker("adversary_cut").snapshot();
        assert_eq!((snapshot.failure_count, snapshot.ignored_count, snapshot.cancelled_count), (2, 0, 0));
        assert_eq!(snapshot.last_error.unwrap().kind, "timeout");
    })
    .await;
}

/// A store that never answers, and panics when that is held against it.
struct Mined;

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl CacheStore<String, u8> for Mined {
    type Error = Unspeakable;

    async fn get(&self, key: &String) -> Result<Option<Stored<u8>>, Unspeakable> {
        if key == "error" {
            return Err(Unspeakable);
        }
        let _bomb = Bomb;
        pending().await
    }

    async fn put(&self, key: String, _: Stored<u8>) -> Result<(), Unspeakable> {
        self.get(&key).await.map(drop)
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_when_it_is_given_up_harms_no_call() {
    #[circuit_breaker(name = "adversary_store")]
    #[fallback(cache(store = Mined, key = key))]
    async fn ask(key: &str) -> Result<u8, AskError> {
        Ok(u8::from(key.is_empty()))
    }
    testing::isolated(async {
        for key in ["hangs", "error"] {
            assert_eq!(ask(key).await, Ok(0));
        }
        testing::breaker("adversary_store").force_open();
        for key in ["hangs", "error"] {
            assert_eq!(ask(key).await, Err(AskError::Open));
        }
    })
    .await;
}

/// Methods that every type has, by value, which go before those of its own that borrow.
mod everywhere {
    use super::{AskError, Mined, circuit_breaker, fallback, retry};

    #[allow(clippy::wrong_self_convention, reason = "the names are those of an expansion")]
    trait Everywhere: Sized {
        fn again(self) {}
        fn answer(self) {}
        fn cached(self) {}
        fn into_result(self) {}
        fn is_for(self) {}
        fn keep(self) {}
        fn key(self) {}
        fn of(self) {}
        fn own(self) {}
        fn pause(self) {}
        fn way(self) {}
    }

    impl<T> Everywhere for T {}

    pub(super) fn all_are_used() {
        ().again();
        ().answer();
        ().cached();
        ().into_result();
        ().is_for();
        ().keep();
        ().key();
        ().of();
        ().own();
        ().pause();
        ().way();
    }

    #[circuit_breaker(name = "adversary_everywhere")]
    #[retry(attempts = 2, min = "1s", max = "1s")]
    #[fallback(cache(key = n), cache(store = Mined, key = "error".to_owned()), on(open, failure))]
    pub(super) async fn ask(n: u16) -> Result<u8, AskError> {
        tokio::task::yield_now().await;
        u8::try_from(n).map_err(|_| AskError::Status(n))
    }

    #[circuit_breaker(name = "adversary_everywhere_sync")]
    #[fallback(cache(key = n))]
    pub(super) fn ask_at_once(n: u16) -> Result<u8, AskError> {
        u8::try_from(n).map_err(|_| AskError::Status(n))
    }
}

#[tokio::test(start_paused = true)]
async fn methods_that_every_type_has_are_not_in_the_way() {
    everywhere::all_are_used();
    testing::isolated(async {
        let begin = tokio::time::Instant::now();
        assert_eq!(everywhere::ask(7).await, Ok(7));
        assert_eq!(everywhere::ask(700).await, Err(AskError::Status(700)));
        assert!(begin.elapsed() >= secs(1));
        assert_eq!(everywhere::ask_at_once(7), Ok(7));
        for name in ["adversary_everywhere", "adversary_everywhere_sync"] {
            testing::breaker(name).force_open();
        }
        assert_eq!(everywhere::ask(7).await, Ok(7));
        assert_eq!(everywhere::ask_at_once(7), Ok(7));
    })
    .await;
}

/// The arguments are used, if only by a list.
#[deny(warnings)]
mod used_by_lists {
    use super::{AskError, circuit_breaker};

    #[circuit_breaker(name = "adversary_guard", fail_max = 1, exclude(AskError::Status(status) if *status == limit))]
    pub(super) async fn guard(limit: u16) -> Result<u8, AskError> {
        Err(AskError::Status(404))
    }

    #[circuit_breaker(name = "adversary_predicate", fail_max = 1, exclude(|error| *error == AskError::Status(limit)))]
    pub(super) fn predicate(limit: u16) -> Result<u8, AskError> {
        Err(AskError::Status(404))
    }

    #[circuit_breaker(name = "adversary_value", fail_max = 1, failure_if(|status| *status >= limit))]
    pub(super) fn value(limit: u16) -> Result<u16, AskError> {
        Ok(404)
    }
}

#[tokio::test]
async fn an_argument_that_only_a_list_uses_is_used() {
    testing::isolated(async {
        for _ in 0..2 {
            assert_eq!(used_by_lists::guard(404).await, Err(AskError::Status(404)));
            assert_eq!(used_by_lists::predicate(404), Err(AskError::Status(404)));
            assert_eq!(used_by_lists::value(500), Ok(404));
        }
        assert_eq!(used_by_lists::guard(400).await, Err(AskError::Status(404)));
        assert_eq!(used_by_lists::guard(400).await, Err(AskError::Open));
    })
    .await;
}
