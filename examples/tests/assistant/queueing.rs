//! Tests the queue.
//!
//! Questions wait while the API is down, and are answered after its recovery, within limits.

use std::time::Duration;

use breaker_examples::assistant::{config::AssistantConfig, upstream::Behaviour};
use serde_json::{Value, json};

use crate::harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, Reply, UNKNOWN, World, advance};

const HEALTHY: Behaviour = Behaviour::Healthy { latency: Duration::ZERO };

async fn queue(world: &World, query: &str) -> Reply {
    world.post(json!({"query": query, "user_id": "ada", "include_metadata": true, "queue": true})).await
}

fn path(queued: &Reply) -> String {
    format!("/query/jobs/{}", queued.body["job_id"].as_str().expect("a queued question has a job id"))
}

/// Waits until the queue has no waiting question.
async fn drained(world: &World) {
    while world.generator().queue().waiting() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn queued_questions_are_answered_after_recovery() {
    let world = World::new().await;
    world.open().await;
    let queued = queue(&world, KNOWN).await;
    assert_eq!((queued.status.as_u16(), &queued.body["source"]), (202, &"queued".into()));
    assert_eq!(queued.meta("fallback_source"), "queued");
    let other = queue(&world, "When does my passport expire?").await;
    let pending = world.get(&path(&queued)).await;
    assert_eq!((pending.status.as_u16(), &pending.body["status"]), (202, &"pending".into()));

    world.api.behave(HEALTHY).await;
    advance(30.0).await;
    drained(&world).await;
    let done = world.get(&path(&queued)).await;
    assert_eq!((done.status.as_u16(), &done.body["status"]), (200, &"done".into()));
    assert!(done.answer().contains(KNOWN_ANSWER), "{}", done.body);
    assert_eq!(
        (&done.body["source"], &done.body["provider"], &done.body["truncated"]),
        (&"model".into(), &"embedded/note-reader".into(), &false.into())
    );
    assert!(world.get(&path(&other)).await.answer().contains("March 2029"));
    assert_eq!((world.api.received(), world.breaker.state().as_str()), (7, "closed"));
}

#[tokio::test(start_paused = true)]
async fn a_queued_question_outlives_any_number_of_failed_probes() {
    let world = World::new().await;
    world.open().await;
    let queued = queue(&world, KNOWN).await;
    for probe in 1..=8 {
        advance(30.0).await;
        world.api.until_received(5 + probe).await;
        while world.breaker.state().as_str() != "open" {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.get(&path(&queued)).await.body["status"], "pending", "after {probe} failed probes");
    }
    world.api.behave(HEALTHY).await;
    advance(30.0).await;
    drained(&world).await;
    assert_eq!(world.get(&path(&queued)).await.body["status"], "done");
}

#[tokio::test(start_paused = true)]
async fn a_question_beside_the_notes_takes_no_place_in_the_queue() {
    let world = World::new().await;
    world.open().await;
    assert_eq!(queue(&world, UNKNOWN).await.status, 503);
    assert_eq!(world.generator().queue().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_queue_waits_for_the_breaker() {
    let world = World::new().await;
    world.open().await;
    let queued = queue(&world, KNOWN).await;
    advance(29.9).await;
    assert_eq!(world.get(&path(&queued)).await.status, 202);
    assert_eq!((world.api.received(), world.snapshot().rejected_count), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_may_wait_is_answered_at_once_in_good_times() {
    let world = World::new().await;
    let reply = queue(&world, KNOWN).await;
    assert_eq!((reply.status.as_u16(), reply.meta("source")), (200, &"model".into()));
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded() {
    let world = World::with(AssistantConfig { retry: NO_RETRY, queue_capacity: 2, ..AssistantConfig::default() }).await;
    world.open().await;
    assert_eq!(queue(&world, KNOWN).await.status, 202);
    assert_eq!(queue(&world, KNOWN).await.status, 202);
    let refused = queue(&world, KNOWN).await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]), (503, &"queue_full".into()));
    assert!(refused.retry_after.is_some());
    assert_eq!(world.generator().queue().waiting(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_queued_question_is_forgotten_after_its_time() {
    let queue_ttl = Duration::from_secs(20);
    let world = World::with(AssistantConfig { retry: NO_RETRY, queue_ttl, ..AssistantConfig::default() }).await;
    world.open().await;
    let queued = queue(&world, KNOWN).await;
    advance(19.9).await;
    assert_eq!(world.get(&path(&queued)).await.status, 202);
    advance(0.1).await;
    assert_eq!(world.get(&path(&queued)).await.status, 404);
    assert_eq!(world.generator().queue().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_the_api_refuses_has_failed() {
    let world = World::new().await;
    world.open().await;
    let queued = queue(&world, KNOWN).await;
    world.api.behave(Behaviour::Error(422)).await;
    advance(30.0).await;
    drained(&world).await;
    let failed = world.get(&path(&queued)).await;
    assert_eq!((failed.status.as_u16(), &failed.body["status"]), (200, &"failed".into()));
    assert_eq!(failed.body["answer"], Value::Null);
    assert_eq!(failed.body["message"], "The question could not be answered.", "the API's own words stay in the log");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_job_is_not_found() {
    let world = World::new().await;
    for id in ["00000000-0000-4000-8000-000000000000", "nonsense"] {
        let reply = world.get(&format!("/query/jobs/{id}")).await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (404, &"not_found".into()));
    }
}
