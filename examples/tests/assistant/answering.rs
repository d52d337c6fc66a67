//! Tests the answers of a healthy API, and the requests to it.

use breaker_examples::assistant::config::{AssistantConfig, Backend};
use serde_json::{Value, json};

use crate::harness::{KNOWN, KNOWN_ANSWER, UNKNOWN, World};

#[tokio::test(start_paused = true)]
async fn a_healthy_api_answers_live() {
    let world = World::new().await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(reply.status, 200);
    assert!(reply.answer().contains(KNOWN_ANSWER), "{}", reply.body);
    assert_eq!(reply.body["sources"][0]["title"], "Sourdough starter");
    assert_eq!(reply.meta("source"), "model");
    assert_eq!(reply.meta("from_fallback"), false);
    assert_eq!(*reply.meta("fallback_reason"), Value::Null);
    assert_eq!(*reply.meta("breaker_us"), Value::Null);
    assert!(reply.meta("duration_ms").as_f64().expect("it is always there") > 0.0);
    assert_eq!(world.snapshot().success_count, 1);
}

#[tokio::test(start_paused = true)]
async fn metadata_is_null_unless_it_is_asked_for() {
    let world = World::new().await;
    let reply = world.post(json!({"query": KNOWN, "user_id": "ada"})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body.get("metadata"), Some(&Value::Null));
}

#[tokio::test(start_paused = true)]
async fn the_prompt_is_taken_out_of_the_answer() {
    let world = World::new().await;
    let reply = world.ask("ada", KNOWN).await;
    assert!(!reply.answer().contains("Question:"), "{}", reply.body);
}

#[tokio::test(start_paused = true)]
async fn a_question_beside_the_notes_is_told_so() {
    let world = World::new().await;
    let reply = world.ask("ada", UNKNOWN).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.meta("no_context"), true);
    assert_eq!(reply.meta("from_fallback"), false);
    assert_eq!(reply.body["sources"], json!([]));
    assert_eq!(world.api.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_question_is_refused() {
    let world = World::new().await;
    let reply = world.post(json!({"question": KNOWN})).await;
    assert!(reply.status.is_client_error());
    assert_eq!(reply.body["error"], "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn a_user_of_a_name_without_end_is_refused() {
    let world = World::new().await;
    assert_eq!(world.ask(&"é".repeat(64), KNOWN).await.status, 200);
    for user in ["é".repeat(65), "x".repeat(1_900_000)] {
        let reply = world.ask(&user, KNOWN).await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (400, &"invalid_request".into()));
        let problem = format!("`user_id` has {} bytes, 128 are allowed", user.len());
        assert_eq!(reply.body["message"], problem);
    }
    assert_eq!((world.api.received(), world.snapshot().failure_count), (1, 0));
    world.open().await;
    // The code does not look up what the cache could not hold.
    assert_eq!(world.ask(&"x".repeat(129), KNOWN).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn the_local_model_needs_no_api_and_no_breaker() {
    let world = World::with(AssistantConfig { backend: Some(Backend::Local), ..AssistantConfig::default() }).await;
    world.breaker.force_open();
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!(reply.meta("source"), "local_model");
    assert!(reply.answer().contains(KNOWN_ANSWER), "{}", reply.body);
    assert_eq!(world.snapshot().rejected_count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_is_shortened_by_whole_notes() {
    let query = "How do I clean the bicycle chain and bleed the brakes and mount tubeless tyres?";
    let used = async |max_prompt_chars| {
        let config = AssistantConfig { max_prompt_chars, ..AssistantConfig::default() };
        let reply = World::with(config).await.ask("ada", query).await;
        assert_eq!(reply.meta("source"), "model");
        let used = reply.meta("chunks_used").as_u64().expect("it is a number");
        assert_eq!(reply.body["sources"].as_array().map(Vec::len), usize::try_from(used).ok());
        used
    };
    assert_eq!((used(8_000).await, used(900).await), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_stays_too_long_is_not_sent_and_counts_as_nothing() {
    let config = AssistantConfig { max_prompt_chars: 500, ..AssistantConfig::default() };
    let world = World::with(config).await;
    let reply = world.ask("ada", &format!("{KNOWN} {}", "starter ".repeat(60))).await;
    assert_eq!((reply.status.as_u16(), &reply.body["error"]), (400, &"invalid_request".into()));
    let told = reply.body["message"].as_str().expect("it is told why");
    assert!(told.contains("with its notes, 500 are allowed"), "{told}");
    let snapshot = world.snapshot();
    let counts = (snapshot.failure_count, snapshot.success_count, snapshot.ignored_count);
    assert_eq!((world.api.received(), counts), (0, (0, 0, 1)));
}

#[tokio::test(start_paused = true)]
async fn the_reply_says_which_provider_answered() {
    let world = World::new().await;
    let reply = world.ask("ada", KNOWN).await;
    assert_eq!((reply.meta("provider"), reply.meta("finish_reason")), (&json!("embedded/note-reader"), &json!("stop")));
    world.open().await;
    assert_eq!(
        *world.ask("ada", KNOWN).await.meta("provider"),
        Value::Null,
        "an earlier answer is nobody's of just now"
    );
}
