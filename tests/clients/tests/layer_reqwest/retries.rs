//! Tests the middleware with the retries of reqwest-retry around it and inside of it.

use super::{builder, reqwest, reqwest_middleware};
use crate::web::http1::{Http1, Reply};
use crate::web::{counted, ms};
use breaker_clients::FAIL_MAX;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, State};
use breaker_servers::refused;
use breaker_tower::CircuitBreakerMiddleware;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{RetryError, RetryTransientMiddleware};
use std::time::Duration;

const RETRIES: u32 = 5;

fn retries() -> RetryTransientMiddleware<ExponentialBackoff> {
    let at_once = ExponentialBackoff::builder().retry_bounds(ms(1), ms(1));
    RetryTransientMiddleware::new_with_policy(at_once.build_with_max_retries(RETRIES))
}

/// Each attempt is a call of the breaker.
fn around(breaker: &CircuitBreaker, client: reqwest::ClientBuilder) -> ClientWithMiddleware {
    let breaker = CircuitBreakerMiddleware::new(breaker).unwrap();
    ClientBuilder::new(client.build().unwrap()).with(retries()).with(breaker).build()
}

/// All attempts are one call of the breaker.
fn inside(breaker: &CircuitBreaker) -> ClientWithMiddleware {
    let breaker = CircuitBreakerMiddleware::new(breaker).unwrap();
    ClientBuilder::new(builder().build().unwrap()).with(breaker).with(retries()).build()
}

/// Stays open for the time of a test.
fn lasting(limit: Option<Duration>) -> CircuitBreaker {
    let config = Config::new().fail_max(FAIL_MAX).recovery_timeout(Duration::from_secs(600));
    let config = limit.map_or(config, |limit| config.timeout(limit));
    CircuitBreaker::new("retried", config).unwrap()
}

#[tokio::test]
async fn a_rejection_is_not_repeated() {
    let (server, breaker) = (Http1::start(Reply::ok()).await, lasting(None));
    let client = around(&breaker, builder());
    breaker.force_open();
    let error = client.get(server.url()).send().await.unwrap_err();
    assert_eq!(error.to_string(), "the request was not sent");
    assert!(CircuitBreakerError::find(&error).unwrap().is_rejection());
    assert_eq!((breaker.snapshot().rejected_count, server.requests()), (1, 0));
}

/// The attempts open it, and the first rejection ends them. The status of the answers is gone.
#[tokio::test]
async fn an_outage_is_ended_by_the_breaker_and_not_by_the_retries() {
    let (server, breaker) = (Http1::start(Reply::answer(503, "", "")).await, lasting(None));
    let client = around(&breaker, builder());
    let error = client.get(server.url()).send().await.unwrap_err();
    assert_eq!(error.to_string(), format!("Request failed after {FAIL_MAX} retries"));
    let Error::Middleware(retry) = &error else { panic!("{error:?}") };
    assert!(matches!(retry.downcast_ref(), Some(RetryError::WithRetries { retries: FAIL_MAX, .. })));
    assert!(CircuitBreakerError::find(&error).unwrap().is_rejection());
    assert_eq!((server.requests(), breaker.state()), (FAIL_MAX as usize, State::Open));
    assert_eq!(breaker.snapshot().rejected_count, 1);
    // Refused connections too.
    let breaker = lasting(None);
    let error = around(&breaker, builder()).get(format!("http://127.0.0.1:{}", refused())).send().await.unwrap_err();
    assert!(CircuitBreakerError::find(&error).unwrap().is_rejection());
    assert_eq!((counted(&breaker), breaker.snapshot().rejected_count), ((0, u64::from(FAIL_MAX), 0), 1));
}

/// Only errors of reqwest are repeated.
#[tokio::test]
async fn a_timeout_of_the_breaker_is_not_repeated_and_one_of_reqwest_is() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let breaker = lasting(Some(ms(100)));
    let error = around(&breaker, builder()).get(server.url()).send().await.unwrap_err();
    assert!(CircuitBreakerError::find(&error).unwrap().is_timeout());
    assert_eq!((counted(&breaker), server.requests()), ((0, 1, 0), 1));
    let breaker = lasting(None);
    around(&breaker, builder().timeout(ms(100))).get(server.url()).send().await.unwrap_err();
    assert_eq!((counted(&breaker), breaker.snapshot().rejected_count), ((0, u64::from(FAIL_MAX), 0), 1));
}

#[tokio::test]
async fn retries_inside_of_it_are_one_call() {
    let (server, breaker) = (Http1::start(Reply::answer(503, "", "")).await, lasting(None));
    let client = inside(&breaker);
    assert_eq!(client.get(server.url()).send().await.unwrap().status(), 503);
    assert_eq!((counted(&breaker), server.requests()), ((0, 1, 0), 1 + RETRIES as usize));
    // The last error of them is found behind the one of the retries.
    let breaker = lasting(None);
    inside(&breaker).get(format!("http://127.0.0.1:{}", refused())).send().await.unwrap_err();
    assert_eq!(counted(&breaker), (0, 1, 0));
    let shown = breaker.snapshot().last_error.unwrap().message.unwrap();
    assert!(shown.starts_with(&format!("Request failed after {RETRIES} retries: error sending request")), "{shown}");
}
