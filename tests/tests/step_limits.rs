//! Step limits: how long the step of a fallback may take, and what comes after one that takes
//! longer.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreakerError, Event, Registry, Strict, circuit_breaker, fallback, retry, testing};
use common::{ms, secs};
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("not called")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

type Answer = Result<u8, Fault>;

async fn hangs() -> Option<u8> {
    pending().await
}

#[circuit_breaker(name = "steps", fail_max = 100, timeout = "2s")]
#[fallback(first = hangs, second = |_| hangs().await, value(7), on(failure))]
async fn all_hang() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "steps", timeout = "2s")]
#[fallback(within("500ms", hangs), named = within(LONG, |_| slow(secs(4)).await), on(failure))]
async fn with_their_own() -> Answer {
    Err(Fault::Refused)
}

const LONG: Duration = secs(5);

async fn slow(span: Duration) -> Option<u8> {
    sleep(span).await;
    Some(3)
}

#[circuit_breaker(name = "steps", timeout = "2s")]
#[fallback(within("off", |_| slow(secs(60)).await), on(failure))]
async fn without_a_limit() -> Answer {
    Err(Fault::Refused)
}

/// The function has no limit, and neither have its steps.
#[circuit_breaker(name = "steps_alone", fail_max = 100)]
#[fallback(|_| slow(secs(60)).await, on(open, failure))]
async fn no_limit() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "steps", timeout = "2s")]
#[fallback(|_| slow(secs(1)).await, on(open, timeout, failure))]
async fn in_time() -> Answer {
    pending().await
}

#[circuit_breaker(name = "steps_retry", fail_max = 100, timeout = "2s")]
#[retry(attempts = 2, min = "1s", jitter = 0.0)]
#[fallback(|_| hangs().await, |_| async { Some(5) }, on(failure))]
async fn with_retries() -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "steps_key", key = host, fail_max = 100, timeout = "3s")]
#[fallback(|_| hangs().await, on(failure))]
async fn of_host(host: &str) -> Answer {
    Err(Fault::Refused)
}

#[circuit_breaker(name = "steps_boxed", fail_max = 100, timeout = "2s")]
#[fallback(|_| hangs().await, value(7), on(failure))]
fn boxed() -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> {
    Box::pin(async { Err(Fault::Refused) })
}

struct Client;

#[circuit_breaker(name = "steps_block", fail_max = 100, timeout = "2s")]
impl Client {
    #[fallback(Self::cached, value(7), on(failure))]
    async fn get(&self, _id: String) -> Result<u8, Fault> {
        Err(Fault::Refused)
    }

    async fn cached(&self, _id: String) -> Option<u8> {
        pending().await
    }
}

async fn took<F: Future<Output = Answer>>(call: F) -> (Option<u8>, Duration) {
    let begin = Instant::now();
    (call.await.ok(), begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_step_has_the_functions_limit_and_declines_when_that_is_over() {
    testing::isolated(async {
        assert_eq!(took(all_hang()).await, (Some(7), secs(4)), "two steps of 2 s each");
        assert_eq!(took(boxed()).await, (Some(7), secs(2)));
        assert_eq!(took(Client.get(String::new())).await, (Some(7), secs(2)));
        assert_eq!(took(with_retries()).await, (Some(5), secs(3)));
        assert_eq!(took(of_host("a")).await, (None, secs(3)), "the caller gets the function's own error");
        assert_eq!(took(in_time()).await, (Some(3), secs(3)), "the body was cut off, and the step was in time");
        assert_eq!(took(no_limit()).await, (Some(3), secs(60)));
        testing::breaker("steps_alone").force_open();
        assert_eq!(took(no_limit()).await, (Some(3), secs(60)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_step_can_have_a_limit_of_its_own_or_none() {
    testing::isolated(async {
        assert_eq!(took(with_their_own()).await, (Some(3), ms(4500)));
        assert_eq!(took(without_a_limit()).await, (Some(3), secs(60)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn variables_bound_the_steps_too() {
    testing::isolated(async {
        let init = |variables: &[(&str, &str)]| {
            Registry::global().load_env_from(variables.iter().copied()).strict().unwrap();
        };
        init(&[("STEPS_CIRCUIT_CALL_TIMEOUT", "1s"), ("STEPS_ALONE_CIRCUIT_CALL_TIMEOUT", "1s")]);
        assert_eq!(took(all_hang()).await, (Some(7), secs(2)));
        assert_eq!(took(no_limit()).await, (None, secs(1)));
        assert_eq!(took(with_their_own()).await, (Some(3), ms(4500)), "their own stay");
        init(&[("CIRCUIT_BREAKER_CALL_TIMEOUT", "off")]);
        assert!(tokio::time::timeout(secs(3600), all_hang()).await.is_err());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_cut_off_is_told_and_not_counted() {
    testing::isolated(async {
        let recording = testing::record();
        let breaker = testing::breaker("steps");
        let mut events = breaker.subscribe();
        all_hang().await.unwrap();
        recording.assert([
            "steps: failure",
            "steps: fallback first timed out",
            "steps: fallback second timed out",
            "steps: fallback value",
        ]);
        assert_eq!(breaker.snapshot().failure_count, 1);
        let mut told = Vec::new();
        while told.len() < 2 {
            if let Some(Event::FallbackTimedOut { source, reason, after, function, .. }) = events.recv().await {
                told.push((source, reason, after, function));
            }
        }
        let function = Some("step_limits::all_hang");
        assert_eq!(told, [("first", "failure", secs(2), function), ("second", "failure", secs(2), function)]);
    })
    .await;
}
