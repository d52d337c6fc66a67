//! `#[circuit_breaker]` as a user meets it: names, keys, classification, time limits, sharing.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, OnCancel, Registry, State, circuit_breaker};
use common::secs;
use futures_util::FutureExt;
use std::error::Error;
use std::future::pending;
use std::io;
use tokio::time::advance;

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error(transparent)]
    Open(#[from] CircuitBreakerError),
    #[error("invalid: {0}")]
    Validation(#[from] ValidationError),
    #[error("status {status}")]
    Http { status: u16 },
    #[error("cannot read the answer")]
    Decode,
    #[error("i/o")]
    Io(#[source] io::Error),
}

#[derive(Debug, thiserror::Error)]
#[error("field {0} is empty")]
struct ValidationError(&'static str);

fn named(name: &str) -> CircuitBreaker {
    Registry::global().get(name).unwrap_or_else(|| panic!("{name} is not known"))
}

#[circuit_breaker(
    name = "every_key",
    fail_max = 2,
    fail_window = "off",
    recovery_timeout = "1m 30s",
    half_open_max_calls = 3,
    success_threshold = 2,
    probe_timeout = "7s",
    timeout = "500ms",
    on_cancel = "400ms",
    on_panic = ignore,
    critical = true,
    enabled = false,
    env_prefix = "EVERY"
)]
async fn every_key() -> Result<(), ApiError> {
    Ok(())
}

#[test]
fn the_breaker_is_known_with_its_settings_before_the_first_call() {
    let breaker = named("every_key");
    assert_eq!(
        breaker.settings().to_string(),
        "fail_max 2, fail_window off, recovery_timeout 1m 30s, half_open_max_calls 3, success_threshold 2, \
         probe_timeout 7s, failure_rate off, slow_call_duration off, slow_call_rate 0.5, window_fail_max off, window 100 calls, \
          min_calls 10, backoff off, probe_count 2, probe_failure_rate off, ramp off, timeout 500ms, max_concurrent off, on_cancel 400ms, on_panic ignore, critical true, max_keys 10000, \
         enabled false"
    );
    assert_eq!(breaker.settings().on_cancel, OnCancel::After(std::time::Duration::from_millis(400)));
    assert_eq!(breaker.state(), State::Disabled);
    assert_eq!(every_key().now_or_never().unwrap().unwrap(), ());
}

#[circuit_breaker(
    name = "every_policy",
    failure_rate = 0.25,
    slow_call_duration = "1s 500ms",
    slow_call_rate = 1,
    window_fail_max = 7,
    window = "2m",
    min_calls = 3,
    backoff(factor = 1.5, max = "1h 1s", jitter = 0),
    probe_count = 4,
    probe_failure_rate = 0.75,
    ramp = "1d",
    key = who,
    max_keys = 9
)]
async fn every_policy(who: &str) -> Result<(), ApiError> {
    Ok(())
}

#[test]
fn the_policies_are_read_as_they_are_written() {
    let shown = named("every_policy").settings().to_string();
    let policies = "failure_rate 0.25, slow_call_duration 1s 500ms, slow_call_rate 1, window_fail_max 7, window 2m, min_calls 3, \
                    backoff factor=1.5, max=1h 1s, jitter=0, probe_count 4, probe_failure_rate 0.75, ramp 1d";
    assert!(shown.contains(policies) && shown.contains("max_keys 9"), "{shown}");
    every_policy("a").now_or_never().unwrap().unwrap();
}

struct A;
struct B;

impl A {
    #[circuit_breaker(fail_max = 1)]
    fn get(&self) -> Result<(), ApiError> {
        Err(ApiError::Decode)
    }

    #[circuit_breaker]
    async fn later<T: Send>(&self, _value: T) -> Result<(), ApiError> {
        Ok(())
    }
}

impl B {
    #[circuit_breaker(fail_max = 1)]
    fn get(&self) -> Result<(), ApiError> {
        Ok(())
    }
}

#[circuit_breaker]
fn free() -> Result<(), ApiError> {
    Ok(())
}

#[test]
fn the_default_name_tells_types_and_crates_apart() {
    A.get().unwrap_err();
    B.get().unwrap();
    free().unwrap();
    A.later("x").now_or_never().unwrap().unwrap();
    assert_eq!(named("attribute::A::get").state(), State::Open);
    assert_eq!(named("attribute::B::get").state(), State::Closed);
    assert_eq!(named("attribute::free").snapshot().success_count, 1);
    assert_eq!(named("attribute::A::later").snapshot().success_count, 1);
}

const SLOW: Config = Config::new().fail_max(9).recovery_timeout(secs(99));
const NAME: &str = "by_const";
const LIMIT: u32 = 4;

#[circuit_breaker(name = NAME, config = SLOW, fail_max = LIMIT, probe_timeout = secs(3))]
fn by_consts() -> Result<(), ApiError> {
    Ok(())
}

#[test]
fn values_may_be_consts_and_keys_beside_config_win() {
    by_consts().unwrap();
    let settings = named("by_const").settings();
    assert_eq!(
        (settings.fail_max, settings.recovery_timeout, settings.probe_timeout),
        (Some(4), secs(99), Some(secs(3)))
    );
}

#[circuit_breaker(name = "shared_sites", fail_max = 2)]
fn one_site() -> Result<(), ApiError> {
    Err(ApiError::Decode)
}

#[circuit_breaker(name = "shared_sites", recovery_timeout = "5s", fail_max = 3)]
fn other_site() -> Result<(), ApiError> {
    Err(ApiError::Decode)
}

#[test]
fn sites_with_one_name_share_a_breaker_and_a_contradiction_is_told_with_both_places() {
    let breaker = named("shared_sites");
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout), (Some(2), secs(5)));
    one_site().unwrap_err();
    other_site().unwrap_err();
    assert_eq!(breaker.state(), State::Open);
    let none: [(&str, &str); 0] = [];
    let problems = Registry::global().load_env_from(none).unwrap_err().to_string();
    assert_eq!(problems.lines().count(), 1, "{problems}");
    let here = file!();
    let first = format!("circuit breaker `shared_sites`: `fail_max` is 2 at {here}:");
    assert!(problems.starts_with(&first), "{problems}");
    assert!(problems.contains(&format!("(attribute::one_site) and 3 at {here}:")), "{problems}");
    assert!(problems.contains("(attribute::other_site), and the first value applies"), "{problems}");
}

fn is_client_error(error: &ApiError) -> bool {
    matches!(error, ApiError::Http { status } if (400..500).contains(status))
}

#[circuit_breaker(
    name = "classified",
    fail_max = 1,
    exclude(ValidationError, ApiError::Http { status: 418 }),
    success(is_client_error, |error| matches!(error, ApiError::Http { status: 304 }))
)]
fn classified(error: ApiError) -> Result<(), ApiError> {
    Err(error)
}

#[test]
fn exclude_is_ignored_success_counts_as_success_and_the_rest_fails() {
    let breaker = named("classified");
    let counts = || {
        let snapshot = breaker.snapshot();
        (snapshot.ignored_count, snapshot.success_count, snapshot.failure_count)
    };
    classified(ApiError::Validation(ValidationError("name"))).unwrap_err();
    classified(ApiError::Http { status: 418 }).unwrap_err();
    assert_eq!(counts(), (2, 0, 0));
    classified(ApiError::Http { status: 404 }).unwrap_err();
    classified(ApiError::Http { status: 304 }).unwrap_err();
    assert_eq!(counts(), (2, 2, 0));
    classified(ApiError::Http { status: 500 }).unwrap_err();
    assert_eq!((counts(), breaker.state()), ((2, 2, 1), State::Open));
    assert_eq!(breaker.snapshot().opened_because.unwrap(), "1 failure, last: status 500");
    assert_eq!(breaker.snapshot().last_error.unwrap().kind, "attribute::ApiError");
}

#[circuit_breaker(name = "included", fail_max = 1, include(ApiError::Io, pat(ApiError::Http { status } if *status >= 500)))]
fn included(error: ApiError) -> Result<(), ApiError> {
    Err(error)
}

#[circuit_breaker(name = "otherwise", fail_max = 1, include(ApiError::Decode), otherwise = success)]
fn otherwise(error: ApiError) -> Result<(), ApiError> {
    Err(error)
}

#[test]
fn beside_an_include_other_errors_are_ignored_or_what_otherwise_says() {
    included(ApiError::Decode).unwrap_err();
    included(ApiError::Http { status: 404 }).unwrap_err();
    assert_eq!(named("included").snapshot().ignored_count, 2);
    included(ApiError::Http { status: 500 }).unwrap_err();
    assert_eq!(named("included").state(), State::Open);
    otherwise(ApiError::Http { status: 500 }).unwrap_err();
    assert_eq!(named("otherwise").snapshot().success_count, 1);
    otherwise(ApiError::Decode).unwrap_err();
    assert_eq!(named("otherwise").state(), State::Open);
}

#[circuit_breaker(name = "boxed", fail_max = 100, exclude(ValidationError))]
fn boxed(error: Box<dyn Error + Send + Sync>) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(error)
}

#[circuit_breaker(name = "anyhowed", fail_max = 100, exclude(ValidationError))]
fn anyhowed(error: anyhow::Error) -> Result<(), anyhow::Error> {
    Err(error)
}

#[circuit_breaker(name = "sourced", fail_max = 100, exclude(type(ValidationError)))]
fn sourced(error: ApiError) -> Result<(), ApiError> {
    Err(error)
}

#[circuit_breaker(name = "io", fail_max = 100, exclude(ValidationError))]
fn in_io(error: io::Error) -> Result<(), io::Error> {
    Err(error)
}

#[test]
fn a_type_is_found_behind_boxes_sources_and_io_errors() {
    let ignored = |name: &str| named(name).snapshot().ignored_count;
    boxed(Box::new(ValidationError("a"))).unwrap_err();
    boxed(Box::new(ApiError::Validation(ValidationError("a")))).unwrap_err();
    assert_eq!(ignored("boxed"), 2);
    anyhowed(anyhow::Error::new(ValidationError("a"))).unwrap_err();
    anyhowed(anyhow::Error::new(ValidationError("a")).context("while saving")).unwrap_err();
    assert_eq!(ignored("anyhowed"), 2);
    sourced(ApiError::Validation(ValidationError("a"))).unwrap_err();
    sourced(ApiError::Io(io::Error::other(ValidationError("a")))).unwrap_err();
    assert_eq!(ignored("sourced"), 2);
    in_io(io::Error::other(ValidationError("a"))).unwrap_err();
    in_io(io::Error::other(io::Error::other(ValidationError("a")))).unwrap_err();
    assert_eq!(ignored("io"), 2);
    boxed("something else".into()).unwrap_err();
    in_io(io::ErrorKind::TimedOut.into()).unwrap_err();
    assert_eq!((ignored("boxed"), ignored("io")), (2, 2));
    assert_eq!(named("boxed").snapshot().failure_count, 1);
}

impl From<CircuitBreakerError> for Plain {
    fn from(_: CircuitBreakerError) -> Self {
        Self
    }
}

/// Neither `Debug` nor `Display` nor `Error`.
struct Plain;

#[circuit_breaker(name = "plain", fail_max = 1)]
fn plain() -> Result<(), Plain> {
    Err(Plain)
}

#[test]
fn an_error_without_text_is_noted_by_its_type() {
    assert!(plain().is_err());
    let error = named("plain").snapshot().last_error.unwrap();
    assert_eq!((error.kind, error.message), ("attribute::Plain", None));
}

#[circuit_breaker(name = "limited", fail_max = 2, timeout = "5s", recovery_timeout = "30s")]
async fn limited(hangs: bool) -> Result<u8, ApiError> {
    if hangs { pending().await } else { Ok(1) }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_timeout_is_cut_off_and_a_counted_failure() {
    let started = tokio::time::Instant::now();
    let error = limited(true).await.unwrap_err();
    assert_eq!(started.elapsed(), secs(5));
    let ApiError::Open(error) = error else { panic!("{error}") };
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "call through circuit breaker `limited` timed out after 5s");
    assert_eq!((error.retry_after(), error.function()), (None, Some("attribute::limited")));
    limited(true).await.unwrap_err();
    let breaker = named("limited");
    assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Open, 2));
    assert_eq!(breaker.snapshot().opened_because.unwrap(), "2 consecutive failures in 5.0 s, last: timed out after 5s");
    advance(secs(30)).await;
    assert_eq!(limited(false).await.unwrap(), 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[circuit_breaker(name = "limited_later", fail_max = 1)]
async fn limited_later() -> Result<(), ApiError> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_can_come_from_configuration_alone() {
    Registry::global().set_config("limited_later", Config::new().timeout(secs(2))).unwrap();
    let started = tokio::time::Instant::now();
    limited_later().await.unwrap_err();
    assert_eq!(started.elapsed(), secs(2));
}

#[circuit_breaker(name = "lazy", fail_max = 1)]
async fn lazy() -> Result<(), ApiError> {
    Err(ApiError::Decode)
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_the_first_poll() {
    let (first, second) = (lazy(), lazy());
    drop(first);
    let breaker = named("lazy");
    breaker.force_open();
    let waiting = second;
    breaker.clear_override();
    assert!(matches!(waiting.await, Err(ApiError::Decode)), "asked when polled, not when made");
    assert_eq!(breaker.snapshot().cancelled_count, 0);
    assert_eq!(lazy().await.unwrap_err().to_string(), "circuit breaker `lazy` is open; retry in 30.0s");
}
