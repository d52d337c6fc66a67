//! Tests replies with status 200: which of them are answers, and which answers are not cached.

use breaker_examples::assistant::upstream::Behaviour;
use serde_json::json;

use crate::{
    classification::{SUCCESS, assert_failure, counts},
    environment::{assert_success, is_child, paused, run_with},
    harness::{KNOWN, Reply, World, says, with_headers},
    logging::Log,
};

/// A service whose API sends this with status 200, and the first reply to a question.
async fn answered(body: &'static str) -> (World, Reply) {
    let world = World::new().await;
    world.api.behave(says(200, body)).await;
    let reply = world.ask("ada", KNOWN).await;
    (world, reply)
}

/// The later reply to the same question of the same user, when the API is down.
async fn later(world: &World) -> Reply {
    world.api.behave(Behaviour::Error(500)).await;
    world.ask("ada", KNOWN).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_finish_stop_is_a_success_and_kept() {
    let body = r#"{"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}], "model": "note-reader"}"#;
    let (world, reply) = answered(body).await;
    assert_eq!((reply.answer(), &reply.body["truncated"]), ("fine", &false.into()));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
    assert_eq!(later(&world).await.meta("source"), "l1_cache");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_is_shown_marked_and_not_kept() {
    let body = r#"{"choices": [{"message": {"content": "Feed it"}, "finish_reason": "length"}]}"#;
    let (world, reply) = answered(body).await;
    assert_eq!((reply.answer(), reply.meta("source")), ("Feed it […]", &"model".into()));
    assert_eq!((&reply.body["truncated"], reply.meta("truncated")), (&true.into(), &true.into()));
    assert_eq!(reply.meta("finish_reason"), "length");
    assert_eq!(counts(&world.snapshot()), SUCCESS);
    assert_eq!(later(&world).await.meta("source"), "excerpts");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_an_unknown_end_is_shown_and_not_kept() {
    let (world, reply) = answered(r#"{"choices": [{"message": {"content": "fine"}}]}"#).await;
    assert_eq!((reply.answer(), reply.meta("finish_reason")), ("fine", &"unknown".into()));
    assert_eq!(later(&world).await.meta("source"), "excerpts");
}

#[tokio::test(start_paused = true)]
async fn a_filtered_answer_is_a_success_and_the_user_is_told() {
    let body = r#"{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}"#;
    let (world, reply) = answered(body).await;
    assert_eq!(reply.answer(), "The model declined to answer this question.");
    assert_eq!((reply.meta("source"), reply.meta("finish_reason")), (&json!("model"), &json!("content_filter")));
    assert_eq!((world.api.received(), counts(&world.snapshot())), (1, SUCCESS));
    assert_eq!(later(&world).await.meta("source"), "excerpts", "it is no answer for another day");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_success_and_the_user_is_told_in_its_words() {
    let body = r#"{"choices": [{"message": {"content": null, "refusal": "I will not."}, "finish_reason": "stop"}]}"#;
    let (world, reply) = answered(body).await;
    assert_eq!((reply.answer(), reply.meta("source")), ("I will not.", &"model".into()));
    assert_eq!((world.api.received(), counts(&world.snapshot())), (1, SUCCESS));
    assert_eq!(later(&world).await.meta("source"), "excerpts");
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_a_tool_is_a_success_and_has_a_fallback() {
    let body =
        r#"{"choices": [{"message": {"content": null, "tool_calls": [{"id": "1"}]}, "finish_reason": "tool_calls"}]}"#;
    let (world, reply) = answered(body).await;
    assert_eq!((reply.meta("source"), reply.meta("fallback_reason")), (&json!("excerpts"), &json!("refused")));
    assert_eq!(counts(&world.snapshot()), SUCCESS);
}

#[tokio::test(start_paused = true)]
async fn no_choices_are_a_failure() {
    assert_failure(says(200, r#"{"choices": []}"#)).await;
    assert_failure(says(200, "[]")).await;
}

#[tokio::test(start_paused = true)]
async fn no_content_is_a_failure() {
    assert_failure(says(200, r#"{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}"#)).await;
    assert_failure(says(200, r#"{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}"#)).await;
    assert_failure(says(200, r#"{"choices": [{}]}"#)).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_within_a_200_counts_by_its_code() {
    assert_failure(says(200, r#"{"error": {"message": "overloaded", "code": 503}}"#)).await;
    assert_failure(says(200, r#"{"error": {"message": "timed out", "code": "408"}}"#)).await;
    assert_failure(says(200, r#"{"error": "CUDA out of memory", "error_type": "generation"}"#)).await;
    let (world, reply) = answered(r#"{"error": {"message": "too long", "code": 400}}"#).await;
    assert_eq!((reply.meta("fallback_reason"), counts(&world.snapshot())), (&json!("refused"), SUCCESS));
    drop(world);
    let (world, _) = answered(r#"{"error": {"message": "wrong key", "code": 401}}"#).await;
    assert_eq!(world.get("/health/circuit-breaker").await.body["providers"][0]["misconfigured"]["status"], 401);
}

#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_json_is_a_failure() {
    const PAGE: &str = "<html><title>Please log in</title></html>";
    assert_failure(with_headers(200, &[("content-type", "text/html")], PAGE)).await;
    assert_failure(with_headers(502, &[("content-type", "text/html")], PAGE)).await;
}

#[test]
fn another_model_than_the_one_asked_for_is_a_success_and_logged_once() {
    // A process of its own: tracing may cache that a callsite is disabled when another test's
    // thread reaches it first.
    if !is_child() {
        let this = "replies::another_model_than_the_one_asked_for_is_a_success_and_logged_once";
        return assert_success(&run_with(this, &[]));
    }
    paused(async {
        let log = Log::gather(tracing::Level::WARN);
        let world = World::saying(|endpoint| endpoint.model = Some("large".to_owned())).await;
        for _ in 0..3 {
            assert_eq!(world.ask("ada", KNOWN).await.meta("source"), "model");
        }
        assert_eq!(counts(&world.snapshot()), (0, 3, 0));
        let text = log.text();
        assert_eq!(text.matches("with another model").count(), 1, "{text}");
        assert!(text.contains("large") && text.contains("note-reader"), "{text}");
    });
}
