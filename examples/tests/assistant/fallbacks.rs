//! Tests the fallbacks while the API is down: which user gets what, its marks, and its cost.

use std::time::Duration;

use breaker_core::Config;
use breaker_examples::assistant::{config::AssistantConfig, upstream::Behaviour};
use serde_json::{Value, json};

use crate::harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, RETRY, UNKNOWN, World, advance};

#[tokio::test(start_paused = true)]
async fn the_fifth_failed_attempt_opens_it_and_the_sixth_is_not_made() {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.api.behave(Behaviour::Error(500)).await;
    // Three attempts for the first question, and two for the second one: after the fifth there is
    // no wait for a sixth.
    for waits in [&[(2, 2.0), (3, 4.0)][..], &[(2, 2.0)]] {
        let asking = world.start_asking("ada", KNOWN);
        for &(attempt, seconds) in waits {
            assert_eq!(retries.next().await, attempt);
            assert_eq!(world.breaker.state().as_str(), "closed");
            advance(seconds).await;
        }
        assert_eq!(asking.await.expect("it was asked").meta("fallback_reason"), "failure");
    }
    assert_eq!((world.api.received(), world.snapshot().failure_count), (5, 5));
    assert_eq!(world.breaker.state().as_str(), "open");
    assert_eq!(world.ask("ada", KNOWN).await.meta("fallback_reason"), "circuit_breaker_open");
    assert_eq!((world.api.received(), world.snapshot().rejected_count), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn retries_wait_and_then_succeed() {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.api.behave(Behaviour::Loading).await;
    let asking = world.start_asking("ada", KNOWN);
    assert_eq!(retries.next().await, 2);
    world.api.behave(Behaviour::Healthy { latency: Duration::ZERO }).await;
    advance(1.9).await;
    assert_eq!(world.api.received(), 1);
    advance(0.1).await;
    assert_eq!(asking.await.expect("it was asked").meta("source"), "model");
    assert_eq!(world.api.received(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_long_as_the_api_asks_for_and_not_for_longer_than_its_longest_wait() {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.api.behave(Behaviour::Limited(Duration::from_secs(5))).await;
    let asking = world.start_asking("ada", KNOWN);
    assert_eq!(retries.next().await, 2);
    world.api.behave(Behaviour::Limited(Duration::from_secs(60))).await;
    advance(4.9).await;
    assert_eq!(world.api.received(), 1, "its own wait is 2 s");
    advance(0.1).await;
    assert_eq!(asking.await.expect("it was asked").meta("fallback_reason"), "failure");
    assert_eq!((world.api.received(), world.snapshot().failure_count), (2, 2), "nobody waits for a minute");
    assert!(!retries.any());
}

#[tokio::test(start_paused = true)]
async fn neither_rejections_nor_ignored_errors_are_tried_again() {
    let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
    let mut retries = world.retries();
    world.breaker.force_open();
    world.ask("ada", KNOWN).await;
    assert_eq!(world.snapshot().rejected_count, 1);
    world.breaker.clear_override();
    world.ask("ada", "").await;
    assert_eq!(world.snapshot().ignored_count, 1);
    assert!(!retries.any());
}

#[tokio::test(start_paused = true)]
async fn the_breakers_own_share_is_measured_and_reported() {
    let world = World::new().await;
    world.open().await;
    let reply = world.ask("ada", KNOWN).await;
    let share = reply.meta("breaker_us").as_f64().expect("it was measured");
    let whole = reply.meta("duration_ms").as_f64().expect("it was measured") * 1e3;
    assert!(share > 0.0 && share < whole, "{share} of {whole} us");
    assert_eq!(world.api.received(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_answer_is_served_with_its_metadata() {
    let world = World::new().await;
    let live = world.ask("ada", KNOWN).await;
    world.open().await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.answer(), live.answer());
    assert_eq!(reply.body["sources"], live.body["sources"]);
    assert_eq!(reply.meta("source"), "l1_cache");
    assert_eq!(reply.meta("from_fallback"), true);
    assert_eq!(reply.meta("fallback_reason"), "circuit_breaker_open");
    assert_eq!(reply.meta("fallback_source"), "l1_cache");
    assert_eq!(reply.meta("circuit_status"), "open");
}

#[tokio::test(start_paused = true)]
async fn without_an_earlier_answer_excerpts_are_served_with_their_metadata() {
    let world = World::new().await;
    world.open().await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(reply.status, 200);
    assert!(reply.answer().starts_with("The model cannot be reached"), "{}", reply.body);
    assert!(reply.answer().contains(KNOWN_ANSWER), "{}", reply.body);
    assert_eq!(reply.meta("fallback_source"), "excerpts");
    assert_eq!(reply.meta("fallback_reason"), "circuit_breaker_open");
    let number = |key: &str| reply.meta(key).as_u64().unwrap_or_else(|| panic!("{key} is a number"));
    assert!(number("chunks_retrieved") >= number("chunks_used"));
    assert!((1..=3).contains(&number("excerpts_returned")));
    assert_eq!(reply.meta("no_context"), false);
}

#[tokio::test(start_paused = true)]
async fn an_excerpt_is_the_first_200_characters() {
    let world = World::new().await;
    world.open().await;
    let reply = world.ask("ada", KNOWN).await;
    let whole =
        world.service.assistant.notes.iter().find(|note| note.title == "Sourdough starter").expect("it is there");
    let beginning: String = whole.text.chars().take(200).collect();
    assert!(reply.answer().contains(&beginning));
    assert!(!reply.answer().contains(&whole.text));
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_another_users_answer() {
    let world = World::new().await;
    world.ask("ada", KNOWN).await;
    world.open().await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "l1_cache");
    assert_eq!(world.ask("ben", KNOWN).await.meta("source"), "excerpts");
    assert_eq!(world.ask("Ada", KNOWN).await.meta("source"), "excerpts");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_never_taken_for_an_answer() {
    let world = World::new().await;
    world.open().await;
    world.ask("ada", KNOWN).await;
    // If the excerpts were cached, they would return as the model's earlier answer.
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "excerpts");
}

#[tokio::test(start_paused = true)]
async fn with_nothing_to_show_it_is_503_with_retry_after() {
    let world = World::new().await;
    world.open().await;
    advance(17.5).await;
    let reply = world.ask("ada", UNKNOWN).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.retry_after.as_deref(), Some("13"), "12.5 s are left, and earlier is too early");
    assert_eq!(reply.body["error"], "service_unavailable");
    assert_eq!(reply.body["retry_after"], 13);
    assert_eq!(reply.body["circuit_status"], "open");
    assert!(reply.body["message"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_empty_prompt_is_refused_while_it_is_open_too() {
    let world = World::new().await;
    world.open().await;
    assert_eq!(world.ask("ada", "").await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_api_is_cut_off_by_the_timeout() {
    let world = World::new().await;
    world.api.behave(Behaviour::Hang).await;
    let asking = world.start_asking("ada", KNOWN);
    world.api.until_received(1).await;
    advance(29.9).await;
    assert_eq!(world.snapshot().failure_count, 0);
    advance(0.1).await;
    let reply = asking.await.expect("it was asked");
    assert_eq!(reply.meta("source"), "excerpts");
    assert_eq!(reply.meta("fallback_reason"), "timeout");
    assert_eq!(*reply.meta("breaker_us"), Value::Null);
    assert_eq!(world.snapshot().failure_count, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_api_holds_no_more_users_than_there_are_places() {
    let world = World::with(AssistantConfig { retry: NO_RETRY, ..AssistantConfig::default() }).await;
    world.breaker.reconfigure(Config::new().max_concurrent(2)).expect("it is in its range");
    let live = world.ask("ada", KNOWN).await;
    world.api.behave(Behaviour::Hang).await;
    let held = [world.start_asking("ben", KNOWN), world.start_asking("cleo", KNOWN)];
    world.api.until_received(3).await;
    // The clock is paused: a call that waited for the API now would wait forever.
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.answer(), live.answer());
    assert_eq!((reply.meta("source"), reply.meta("fallback_reason")), (&json!("l1_cache"), &json!("busy")));
    assert_eq!(world.ask("dana", KNOWN).await.meta("source"), "excerpts");
    assert_eq!(world.post(json!({"query": KNOWN, "user_id": "dana", "queue": true})).await.status, 202);
    let snapshot = world.snapshot();
    let counts = (snapshot.busy_count, snapshot.ignored_count, snapshot.failure_count);
    assert_eq!(counts, (3, 0, 0), "being busy says nothing about the API");
    advance(30.0).await;
    for held in held {
        assert_eq!(held.await.expect("it was asked").meta("fallback_reason"), "timeout");
    }
    world.api.behave(Behaviour::Healthy { latency: Duration::ZERO }).await;
    assert_eq!(world.ask("dana", KNOWN).await.meta("source"), "model", "their places are free again");
}
