//! Tests failover: a second provider answers where the first one fails.
//!
//! Each provider has a breaker of its own.

use std::time::Duration;

use breaker_examples::assistant::{config::AssistantConfig, service, upstream::Behaviour};
use serde_json::{Value, json};

use crate::{
    classification::{FAILURE, SUCCESS, counts},
    harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, RETRY, Second, World, advance, says},
};

const HEALTHY: Behaviour = Behaviour::Healthy { latency: Duration::ZERO };

/// A service with two healthy providers.
async fn two() -> (World, Second) {
    let second = Second::start().await;
    let config =
        AssistantConfig { retry: NO_RETRY, second: Some(second.endpoint.clone()), ..AssistantConfig::default() };
    let world = World::with(config).await;
    second.breaker.reset();
    (world, second)
}

#[tokio::test(start_paused = true)]
async fn the_second_provider_answers_where_the_first_one_fails() {
    let (world, second) = two().await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("provider"), "embedded/note-reader");
    assert_eq!(second.api.received(), 0);
    world.api.behave(Behaviour::Error(500)).await;
    let reply = world.ask("ada", KNOWN).await;
    assert!(reply.answer().contains(KNOWN_ANSWER), "{}", reply.body);
    assert_eq!(
        (reply.meta("source"), reply.meta("provider")),
        (&json!("second_provider"), &json!("second/note-reader"))
    );
    assert_eq!((reply.meta("from_fallback"), reply.meta("fallback_reason")), (&json!(true), &json!("failure")));
    assert_eq!(reply.meta("fallback_source"), "second_provider");
    assert_eq!((counts(&world.snapshot()), counts(&second.breaker.snapshot())), ((1, 1, 0), SUCCESS));
}

#[tokio::test(start_paused = true)]
async fn while_the_first_breaker_is_open_the_second_provider_is_asked_alone() {
    let (world, second) = two().await;
    world.open().await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(
        (reply.meta("source"), reply.meta("fallback_reason")),
        (&json!("second_provider"), &json!("circuit_breaker_open"))
    );
    assert!(reply.meta("breaker_us").as_f64().is_some_and(|share| share > 0.0), "{}", reply.body);
    assert_eq!((world.api.received(), second.api.received()), (5, 6));
    assert_eq!(second.breaker.state().as_str(), "closed");
    world.api.behave(HEALTHY).await;
    advance(30.0).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("provider"), "embedded/note-reader", "the first one is tried again");
}

#[tokio::test(start_paused = true)]
async fn the_order_is_second_provider_earlier_answer_excerpts() {
    let (world, second) = two().await;
    world.ask("ada", KNOWN).await;
    world.api.behave(Behaviour::Error(500)).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "second_provider");
    second.api.behave(Behaviour::Error(500)).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "l1_cache");
    assert_eq!(world.ask("ben", KNOWN).await.meta("source"), "excerpts");
    let queued = world.post(json!({"query": KNOWN, "user_id": "ada", "queue": true})).await;
    assert_eq!(queued.status, 202, "both are down");
    assert_eq!(counts(&second.breaker.snapshot()), (3, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_second_breaker_opens_by_itself() {
    let (world, second) = two().await;
    second.api.behave(Behaviour::Error(500)).await;
    world.breaker.force_open();
    for _ in 0..5 {
        world.ask("ada", KNOWN).await;
    }
    assert_eq!(second.breaker.state().as_str(), "open");
    world.ask("ada", KNOWN).await;
    assert_eq!((world.api.received(), second.api.received()), (0, 5));
    world.breaker.clear_override();
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "model", "the first one is well");
}

#[tokio::test(start_paused = true)]
async fn the_second_provider_is_asked_once() {
    let second = Second::start().await;
    let config = AssistantConfig { retry: RETRY, second: Some(second.endpoint.clone()), ..AssistantConfig::default() };
    let world = World::with(config).await;
    second.breaker.reset();
    // A wrong key is not retried, so there is no wait.
    world.api.behave(Behaviour::Error(401)).await;
    second.api.behave(Behaviour::Error(500)).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "excerpts");
    assert_eq!((world.api.received(), second.api.received()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_first_provider_leaves_the_second_one_to_answer() {
    let (world, second) = two().await;
    world.api.behave(says(401, r#"{"error": "wrong key"}"#)).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("provider"), "second/note-reader");
    let health = world.get("/health/circuit-breaker").await.body;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["providers"][0]["misconfigured"], json!({"status": 401, "message": "wrong key"}));
    assert_eq!(health["providers"][1], json!({"name": "second/note-reader", "misconfigured": null}));
    assert_eq!((counts(&world.snapshot()), counts(&second.breaker.snapshot())), (FAILURE, SUCCESS));
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_second_provider_is_told_of_too() {
    let (world, second) = two().await;
    world.api.behave(Behaviour::Error(500)).await;
    second.api.behave(says(402, r#"{"error": "no credits"}"#)).await;
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "excerpts");
    let health = world.get("/health").await.body;
    assert_eq!(health["status"], "degraded");
    assert_eq!(
        health["probes"]["configuration"]["error"],
        "second/note-reader: the text-generation API answered 402: no credits"
    );
}

#[tokio::test(start_paused = true)]
async fn a_question_that_the_first_provider_refuses_is_asked_of_the_second_one() {
    let (world, second) = two().await;
    world.api.behave(Behaviour::Error(413)).await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(
        (reply.meta("provider"), reply.meta("fallback_reason")),
        (&json!("second/note-reader"), &json!("refused"))
    );
    second.api.behave(Behaviour::Error(413)).await;
    assert_eq!(world.ask("ben", KNOWN).await.meta("source"), "excerpts");
}

#[tokio::test(start_paused = true)]
async fn what_a_model_declines_is_not_asked_of_another_one() {
    let (world, second) = two().await;
    world.api.behave(says(200, r#"{"choices": [{"message": {"refusal": "I will not."}}]}"#)).await;
    assert_eq!(world.ask("ada", KNOWN).await.answer(), "I will not.");
    assert_eq!(second.api.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_provider_that_hangs_is_a_failure_of_its_own_breaker() {
    let (world, second) = two().await;
    world.breaker.force_open();
    second.api.behave(Behaviour::Hang).await;
    let asking = world.start_asking("ada", KNOWN);
    second.api.until_received(1).await;
    advance(30.0).await;
    let reply = asking.await.expect("it was asked");
    assert_eq!((reply.meta("source"), reply.meta("provider")), (&json!("excerpts"), &Value::Null));
    assert_eq!(counts(&second.breaker.snapshot()), FAILURE);
    world.breaker.clear_override();
}

#[tokio::test(start_paused = true)]
async fn both_breakers_have_the_settings_of_their_name() {
    let (world, second) = two().await;
    assert_eq!(world.breaker.name(), "huggingface_api[embedded/note-reader]");
    assert_eq!(second.breaker.name(), "huggingface_api[second/note-reader]");
    assert_eq!(second.breaker.settings().fail_max, world.breaker.settings().fail_max);
    assert_eq!((second.breaker.settings().critical, second.breaker.settings().max_keys), (true, 8));
}

#[tokio::test(start_paused = true)]
async fn what_is_ordered_of_all_providers_is_shown() {
    let (world, second) = two().await;
    let all = service::breaker().expect("it is registered");
    all.force_open();
    assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "excerpts", "neither is asked");
    assert_eq!((world.api.received(), second.api.received()), (0, 0));
    let health = world.get("/health/circuit-breaker").await.body;
    assert_eq!((&health["state"], &health["status"]), (&json!("forced_open"), &json!("degraded")));
    all.clear_override();
    assert_eq!(world.get("/health/circuit-breaker").await.body["state"], "closed");
}

#[tokio::test(start_paused = true)]
async fn the_queue_waits_while_all_providers_are_forced_open() {
    let world = World::new().await;
    let all = service::breaker().expect("it is registered");
    all.force_open();
    let queued = world.post(json!({"query": KNOWN, "user_id": "ada", "queue": true})).await;
    assert_eq!(queued.status, 202);
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(all.snapshot().rejected_count < 3, "it does not ask again and again");
    assert_eq!(world.generator().queue().waiting(), 1);
    all.clear_override();
    while world.generator().queue().waiting() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.api.received(), 1);
}

/// The fallback step has no limit of its own: it would drop the call, which then counts as nothing.
#[tokio::test(start_paused = true)]
async fn a_second_provider_that_hangs_has_failed() {
    let (world, second) = two().await;
    world.api.behave(Behaviour::Error(500)).await;
    second.api.behave(Behaviour::Hang).await;
    let asked = world.start_asking("ada", KNOWN);
    second.api.until_received(1).await;
    advance(30.1).await;
    assert_eq!(asked.await.expect("it does not panic").meta("source"), "excerpts");
    let seen = second.breaker.snapshot();
    assert_eq!((counts(&seen), seen.cancelled_count), (FAILURE, 0));
}
