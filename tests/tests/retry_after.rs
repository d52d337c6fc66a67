//! `Retry-After`: what a service asks for when it fails reaches the retry and the fallback.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreakerError, Classify, Outcome, circuit_breaker, fallback, presets, retry, testing};
use common::{ms, secs};
use http::header::RETRY_AFTER;
use std::time::Duration;
use tokio::time::Instant;

type Response = http::Response<()>;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Open(#[from] CircuitBreakerError);

impl Classify for Open {
    fn classify(&self) -> Outcome {
        Outcome::ignored()
    }
}

/// A service that answers each call with the next status, and a `Retry-After` beside it; at last
/// with 200.
struct Service {
    script: Vec<(u16, Option<&'static str>)>,
    start: Instant,
    calls: Vec<Duration>,
}

impl Service {
    fn new(script: &[(u16, Option<&'static str>)]) -> Self {
        Self { script: script.iter().rev().copied().collect(), start: Instant::now(), calls: Vec::new() }
    }

    fn answer(&mut self) -> Response {
        self.calls.push(self.start.elapsed());
        let (status, after) = self.script.pop().unwrap_or((200, None));
        let mut response = http::Response::builder().status(status);
        if let Some(after) = after {
            response = response.header(RETRY_AFTER, after);
        }
        response.body(()).unwrap()
    }

    #[circuit_breaker(name = "limited", classify = presets::both, recovery_timeout = "30s")]
    #[retry(attempts = 4, min = "2s", max = "10s", jitter = 0.0)]
    async fn get(&mut self) -> Result<Response, Open> {
        Ok(self.answer())
    }

    #[circuit_breaker(name = "limited", classify = presets::both)]
    #[retry(attempts = 2, min = "2s", max = "10s", jitter = 0.0, wait = "40s")]
    async fn get_patiently(&mut self) -> Result<Response, Open> {
        Ok(self.answer())
    }

    #[circuit_breaker(name = "limited", classify = presets::both)]
    #[retry(attempts = 2, jitter = 0.5)]
    async fn get_with_jitter(&mut self) -> Result<Response, Open> {
        Ok(self.answer())
    }

    #[circuit_breaker(name = "limited", classify = presets::both)]
    #[fallback(|rejection| { *seen = rejection.retry_after(); None::<Response> }, on(open, failure))]
    async fn get_once(&mut self, seen: &mut Option<Duration>) -> Result<Response, Open> {
        Ok(self.answer())
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_attempt_waits_for_the_longer_of_its_own_wait_and_what_the_service_asks_for() {
    testing::isolated(async {
        let mut service = Service::new(&[(429, Some("7")), (503, Some("1")), (500, None)]);
        assert_eq!(service.get().await.unwrap().status(), 200);
        // 7 s for 2 s, then 4 s for 1 s, then 8 s.
        assert_eq!(service.calls, [0, 7, 11, 19].map(secs));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_more_than_the_longest_wait_is_not_called_in_vain() {
    testing::isolated(async {
        let mut service = Service::new(&[(429, Some("10")), (429, Some("11"))]);
        assert_eq!(service.get().await.unwrap().status(), 429);
        assert_eq!((service.calls, service.start.elapsed()), (vec![secs(0), secs(10)], secs(10)));
        assert_eq!(testing::breaker("limited").snapshot().failure_count, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_is_for_the_service_too() {
    testing::isolated(async {
        let mut service = Service::new(&[(503, Some("40"))]);
        assert_eq!(service.get_patiently().await.unwrap().status(), 200);
        assert_eq!(service.calls, [0, 40].map(secs));
        let mut service = Service::new(&[(503, Some("41"))]);
        assert_eq!(service.get_patiently().await.unwrap().status(), 503);
        assert_eq!(service.calls, [secs(0)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_opens_the_breaker_waits_until_both_are_ready() {
    testing::isolated(async {
        let breaker = testing::breaker("limited");
        breaker.reconfigure(breaker_core::Config::new().fail_max(1)).unwrap();
        let mut service = Service::new(&[(503, Some("5"))]);
        assert_eq!(service.get_patiently().await.unwrap().status(), 200, "the probe");
        assert_eq!(service.calls, [secs(0), secs(30) + ms(10)]);
        let mut service = Service::new(&[(503, Some("35"))]);
        assert_eq!(service.get_patiently().await.unwrap().status(), 200, "it is open for so long as the service asked");
        assert_eq!(service.calls, [secs(0), secs(35) + ms(10)]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn jitter_never_comes_before_what_the_service_asks_for() {
    testing::isolated(async {
        for _ in 0..20 {
            let mut service = Service::new(&[(429, Some("4"))]);
            assert_eq!(service.get_with_jitter().await.unwrap().status(), 200);
            assert!((secs(4)..=ms(6_001)).contains(&service.calls[1]), "{:?}", service.calls);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_step_sees_when_a_call_is_worth_making_again() {
    testing::isolated(async {
        let breaker = testing::breaker("limited");
        breaker.reconfigure(breaker_core::Config::new().fail_max(3)).unwrap();
        let mut seen = None;
        let mut service = Service::new(&[(500, None), (429, Some("7")), (429, Some("60")), (500, None)]);
        for expected in [None, Some(secs(7)), Some(secs(60))] {
            service.get_once(&mut seen).await.unwrap();
            assert_eq!(seen, expected, "the third failure opens it for as long as the service asked");
        }
        service.get_once(&mut seen).await.unwrap_err();
        assert_eq!(seen, Some(secs(60)), "a rejection is the breaker's own");
        tokio::time::advance(secs(60)).await;
        service.get_once(&mut seen).await.unwrap();
        assert_eq!(seen, Some(secs(30)), "a failed probe");
    })
    .await;
}
