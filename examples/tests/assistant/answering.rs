//! In good times: what an answer looks like, and what is asked of the API for it.

use std::{net::SocketAddr, sync::Arc};

use axum::{Json, Router, http::HeaderMap, routing::post};
use breaker_examples::assistant::{
    client::Secret,
    config::{AssistantConfig, Backend},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Mutex};

use crate::harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, UNKNOWN, World};

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
    // The cache is asked for nothing that it could not hold.
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
async fn the_api_is_asked_in_its_own_words() {
    let seen = Arc::new(Mutex::new(None));
    let url = format!("http://{}/", remember_into(Arc::clone(&seen)).await).parse().expect("this is an address");
    let backend = Some(Backend::Api { url, token: Some(Secret::new("hf_test")) });
    let world = World::with(AssistantConfig { backend, retry: NO_RETRY, ..AssistantConfig::default() }).await;
    assert_eq!(world.ask("ada", KNOWN).await.answer(), "fine");
    let (headers, body) = seen.lock().await.take().expect("a request arrived");
    assert_eq!(headers.get("authorization").expect("the token is sent"), "Bearer hf_test");
    assert!(body["inputs"].as_str().expect("the prompt").contains(KNOWN));
    let parameters = json!({"max_new_tokens": 256, "temperature": 0.7, "top_p": 0.95, "repetition_penalty": 1.1});
    assert_eq!(body["parameters"], parameters);
}

type Seen = Arc<Mutex<Option<(HeaderMap, Value)>>>;

/// An API that remembers what it was asked, and answers without the prompt.
async fn remember_into(seen: Seen) -> SocketAddr {
    let answer = async move |headers: HeaderMap, Json(body): Json<Value>| {
        *seen.lock().await = Some((headers, body));
        Json(json!([{"generated_text": "fine"}]))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound");
    let routes = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}
