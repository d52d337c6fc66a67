//! Tests rate limits: each format for the time of the next call, and which caller waits for it.

use std::time::Duration;

use breaker_examples::assistant::{config::AssistantConfig, upstream::Behaviour};

use crate::{
    classification::{FAILURE, counts},
    harness::{KNOWN, RETRY, World, advance, with_headers},
};

/// It is a failure, and the retry waits for N milliseconds.
async fn assert_waits(behaviour: Behaviour, millis: u64) {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.api.behave(behaviour).await;
    let asking = world.start_asking("ada", KNOWN);
    let wait = Duration::from_millis(millis);
    assert_eq!(retries.next_wait().await, (2, wait), "{behaviour:?}");
    assert_eq!(counts(&world.snapshot()), FAILURE);
    world.api.behave(Behaviour::Healthy { latency: Duration::ZERO }).await;
    advance(wait.as_secs_f64()).await;
    assert_eq!(asking.await.expect("it was asked").meta("source"), "model");
}

#[tokio::test(start_paused = true)]
async fn retry_after_in_seconds_is_waited_for() {
    assert_waits(with_headers(429, &[("retry-after", "5")], "{}"), 5_000).await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_as_a_date_is_waited_for() {
    const HEADERS: &[(&str, &str)] =
        &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:44 GMT")];
    assert_waits(with_headers(429, HEADERS, "{}"), 7_000).await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_ms_is_waited_for() {
    assert_waits(with_headers(429, &[("retry-after-ms", "3500"), ("retry-after", "9")], "{}"), 3_500).await;
}

#[tokio::test(start_paused = true)]
async fn the_ratelimit_header_is_waited_for() {
    assert_waits(with_headers(429, &[("ratelimit", r#""api";r=0;t=8"#)], "{}"), 8_000).await;
}

#[tokio::test(start_paused = true)]
async fn the_wait_of_the_api_behind_a_proxy_is_waited_for() {
    assert_waits(with_headers(429, &[("llm_provider-retry-after", "7")], "{}"), 7_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_loads_is_waited_for() {
    const BODY: &str = r#"{"error": "Model m is currently loading", "estimated_time": 6.5}"#;
    assert_waits(with_headers(503, &[], BODY), 6_500).await;
    const NO_TIME: &str = r#"{"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}"#;
    assert_waits(with_headers(503, &[], NO_TIME), 2_000).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_longest_wait() {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.api.behave(with_headers(429, &[("ratelimit", r#""api";r=0;t=55"#)], "{}")).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "excerpts");
    assert_eq!((world.api.received(), retries.any()), (1, false));
}
