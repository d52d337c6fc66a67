//! Tests each row of the assistant's classification: failure, success or ignored.

use std::time::Duration;

use breaker_core::Snapshot;
use breaker_examples::assistant::{config::AssistantConfig, question::MAX_QUERY_CHARS, upstream::Behaviour};

use crate::harness::{KNOWN, RETRY, Reply, UNKNOWN, World, advance, says};

/// What a call counted as: (failures, successes, ignored).
pub(crate) fn counts(snapshot: &Snapshot) -> (u64, u64, u64) {
    (snapshot.failure_count, snapshot.success_count, snapshot.ignored_count)
}

pub(crate) const FAILURE: (u64, u64, u64) = (1, 0, 0);
pub(crate) const SUCCESS: (u64, u64, u64) = (0, 1, 0);
const IGNORED: (u64, u64, u64) = (0, 0, 1);

/// Asks once while the API behaves like this; five such answers must open the breaker.
pub(crate) async fn assert_failure(behaviour: Behaviour) {
    let world = World::new().await;
    world.api.behave(behaviour).await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(counts(&world.snapshot()), FAILURE, "{behaviour:?}");
    assert_eq!(reply.meta("fallback_reason"), "failure");
    for _ in 0..4 {
        world.ask("ada", KNOWN).await;
    }
    assert_eq!(world.breaker.state().as_str(), "open", "{behaviour:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failure() {
    let world = World::new().await;
    world.api.behave(Behaviour::Slow(Duration::from_secs(31))).await;
    let asking = world.start_asking("ada", KNOWN);
    world.api.until_received(1).await;
    advance(30.0).await;
    assert_eq!(asking.await.expect("it was asked").meta("fallback_reason"), "timeout");
    assert_eq!(counts(&world.snapshot()), FAILURE);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_a_failure() {
    assert_failure(Behaviour::Refuse).await;
}

#[tokio::test(start_paused = true)]
async fn status_408_is_a_failure() {
    assert_failure(Behaviour::Error(408)).await;
}

#[tokio::test(start_paused = true)]
async fn status_429_is_a_failure() {
    assert_failure(Behaviour::Error(429)).await;
}

#[tokio::test(start_paused = true)]
async fn status_5xx_is_a_failure() {
    for status in [500, 502, 503, 504, 599] {
        assert_failure(Behaviour::Error(status)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_answer_is_a_failure() {
    assert_failure(Behaviour::Garbage).await;
}

#[tokio::test(start_paused = true)]
async fn an_invalid_answer_is_a_failure() {
    assert_failure(Behaviour::Invalid).await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_not_loaded_is_a_failure() {
    assert_failure(Behaviour::Loading).await;
}

#[tokio::test(start_paused = true)]
async fn statuses_409_and_425_are_failures() {
    for status in [409, 425] {
        assert_failure(Behaviour::Error(status)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn status_424_is_a_failure() {
    assert_failure(says(424, r#"{"error": "CUDA out of memory", "error_type": "generation"}"#)).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    for behaviour in [Behaviour::Error(409), Behaviour::Error(424), Behaviour::Error(503), Behaviour::Garbage] {
        let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
        let mut retries = world.retries();
        world.api.behave(behaviour).await;
        let asking = world.start_asking("ada", KNOWN);
        assert_eq!(retries.next().await, 2, "{behaviour:?}");
        world.api.behave(Behaviour::Healthy { latency: Duration::ZERO }).await;
        advance(2.0).await;
        assert_eq!(asking.await.expect("it was asked").meta("source"), "model");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_question_is_a_success_and_has_a_fallback() {
    for status in [400, 413, 422, 414, 428, 430, 451, 499] {
        let world = World::with(AssistantConfig { retry: RETRY, ..AssistantConfig::default() }).await;
        world.api.behave(Behaviour::Error(status)).await;
        let reply = world.ask("ada", KNOWN).await;
        assert_eq!(counts(&world.snapshot()), SUCCESS, "{status}");
        assert_eq!((reply.status.as_u16(), reply.meta("source")), (200, &"excerpts".into()), "{status}");
        assert_eq!(reply.meta("fallback_reason"), "refused");
        assert!(reply.answer().starts_with("The model did not take this question."), "{}", reply.body);
        assert_eq!(world.api.received(), 1, "it would be refused again");
        assert_eq!(world.get("/health").await.body["status"], "healthy", "it may be the question's own fault");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_question_gets_its_earlier_answer_and_is_not_queued() {
    let world = World::new().await;
    let live = world.ask("ada", KNOWN).await;
    world.api.behave(Behaviour::Error(400)).await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!((reply.meta("source"), reply.answer()), (&"l1_cache".into(), live.answer()));
    let body = serde_json::json!({"query": KNOWN, "user_id": "ben", "queue": true, "include_metadata": true});
    let reply = world.post(body).await;
    assert_eq!((reply.status.as_u16(), reply.meta("source")), (200, &"excerpts".into()), "waiting would be in vain");
}

#[tokio::test(start_paused = true)]
async fn an_answered_4xx_clears_a_run_of_failures() {
    let world = World::new().await;
    for status in [500, 500, 500, 500, 422, 500] {
        world.api.behave(Behaviour::Error(status)).await;
        world.ask("ada", KNOWN).await;
    }
    assert_eq!((world.snapshot().consecutive_failures, world.breaker.state().as_str()), (1, "closed"));
}

async fn assert_ignored(user: &str, query: &str) -> Reply {
    let world = World::new().await;
    let reply = world.ask(user, query).await;
    assert_eq!(counts(&world.snapshot()), IGNORED);
    assert_eq!(world.api.received(), 0);
    reply
}

#[tokio::test(start_paused = true)]
async fn an_empty_prompt_is_ignored() {
    let reply = assert_ignored("ada", " \n ").await;
    assert_eq!((reply.status.as_u16(), &reply.body["error"]), (400, &"invalid_request".into()));
}

#[tokio::test(start_paused = true)]
async fn a_failed_validation_is_ignored() {
    assert_eq!(assert_ignored("ada", &"starter ".repeat(MAX_QUERY_CHARS)).await.status, 400);
    assert_eq!(assert_ignored("", KNOWN).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn no_context_is_ignored() {
    assert_eq!(assert_ignored("ada", UNKNOWN).await.meta("no_context"), true);
}

#[tokio::test(start_paused = true)]
async fn an_empty_prompt_ten_times_leaves_it_closed() {
    let world = World::new().await;
    for _ in 0..10 {
        world.ask("ada", "").await;
    }
    assert_eq!(world.breaker.state().as_str(), "closed");
    assert_eq!(counts(&world.snapshot()), (0, 0, 10));
}

#[tokio::test(start_paused = true)]
async fn an_ignored_error_does_not_clear_a_run_of_failures() {
    let world = World::new().await;
    world.api.behave(Behaviour::Error(500)).await;
    for _ in 0..4 {
        world.ask("ada", KNOWN).await;
    }
    world.ask("ada", "").await;
    world.ask("ada", KNOWN).await;
    assert_eq!(world.breaker.state().as_str(), "open");
}
