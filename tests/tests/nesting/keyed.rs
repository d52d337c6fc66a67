//! By key: another value is another breaker; what values share, their head and their overflow, is
//! the same one.

use crate::common::secs;
use crate::{Answer, Fault, Service, counts};
use breaker_core::{State, circuit_breaker, testing};
use std::future::pending;
use tokio::time::{advance, timeout};

#[circuit_breaker(name = "hosts", key = host, fail_max = 3, max_keys = 2)]
async fn outer(host: &str, inner_host: &str, service: &Service) -> Answer {
    inner(inner_host, service).await
}

#[circuit_breaker(name = "hosts", key = host)]
async fn inner(host: &str, service: &Service) -> Answer {
    service.answer()
}

#[circuit_breaker(name = "hosts", key = host)]
async fn hang(host: &str) -> Result<u8, Fault> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_call_of_the_same_value_within_a_call_counts_once_and_recovers() {
    testing::isolated(async {
        let service = Service::default();
        outer("a", "a", &service).await.unwrap();
        let breaker = testing::breaker("hosts[a]");
        assert_eq!(counts(&breaker), [1, 0, 0, 0, 0]);
        service.set_down(true);
        for failures in 1..=3 {
            assert_eq!(breaker.state(), State::Closed);
            outer("a", "a", &service).await.unwrap_err();
            assert_eq!(counts(&breaker), [1, 0, failures, 0, 0]);
        }
        service.set_down(false);
        advance(secs(30)).await;
        outer("a", "a", &service).await.unwrap();
        assert_eq!((breaker.state(), counts(&breaker)), (State::Closed, [2, 0, 3, 0, 0]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_of_another_value_within_a_call_is_one_of_another_breaker() {
    testing::isolated(async {
        let service = Service::default();
        service.set_down(true);
        outer("a", "b", &service).await.unwrap_err();
        let of = |name| counts(&testing::breaker(name));
        assert_eq!((of("hosts[a]"), of("hosts[b]")), ([0, 0, 1, 0, 0], [0, 0, 1, 0, 0]));
    })
    .await;
}

/// Both values are beyond `max_keys` while others are under way, and share a breaker.
#[tokio::test(start_paused = true)]
async fn calls_of_two_values_that_share_the_overflow_are_calls_of_one_breaker() {
    testing::isolated(async {
        let service = Service::default();
        service.set_down(true);
        let (one, two) = (timeout(secs(99), hang("one")), timeout(secs(99), hang("two")));
        let (mut one, mut two) = (Box::pin(one), Box::pin(two));
        assert!(futures_util::poll!(&mut one).is_pending() && futures_util::poll!(&mut two).is_pending());
        outer("a", "b", &service).await.unwrap_err();
        assert_eq!(counts(&testing::breaker("hosts[*]")), [0, 0, 1, 0, 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_of_the_head_within_each_other_are_calls_of_one_breaker_which_is_none_of_the_values() {
    testing::isolated(async {
        let service = Service::default();
        service.set_down(true);
        let head = testing::breaker("hosts");
        let twice = || head.call(async { head.call(async { outer("a", "a", &service).await }).await });
        twice().await.unwrap_err();
        assert_eq!(counts(&testing::breaker("hosts[a]")), [0, 0, 1, 0, 0]);
        twice().await.unwrap_err();
        assert_eq!(counts(&testing::breaker("hosts[a]")), [0, 0, 2, 0, 0]);
        // What the head shows is the sum of all.
        assert_eq!(counts(&head), [0, 0, 4, 0, 0]);
    })
    .await;
}
