//! Tests the requests to an API of each kind, and their routes.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    http::{HeaderMap, Uri},
};
use breaker_examples::assistant::{
    api::ApiKind,
    client::plain_client,
    config::{AssistantConfig, Backend},
    endpoint::Endpoint,
    secret::Secret,
    upstream::{Behaviour, Upstream},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Mutex};

use crate::harness::{KNOWN, KNOWN_ANSWER, NO_RETRY, World, send};

/// The request that an API of this kind got, which answers with this.
async fn sent(kind: ApiKind, penalty: Option<f64>, answer: Value) -> (String, HeaderMap, Value) {
    let seen = Arc::new(Mutex::new(None));
    let address = remember_into(Arc::clone(&seen), answer).await;
    let base = format!("http://{address}").parse().expect("this is an address");
    let endpoint = Endpoint {
        token: Some(Secret::new("hf_test")),
        bill_to: Some("acme".to_owned()),
        ..Endpoint::new(&base, kind, Some("org/model".to_owned()))
    };
    let mut config =
        AssistantConfig { backend: Some(Backend::Api(endpoint)), retry: NO_RETRY, ..AssistantConfig::default() };
    config.parameters.repetition_penalty = penalty;
    let world = World::with(config).await;
    assert_eq!(world.ask("ada", KNOWN).await.answer(), "fine");
    let (uri, headers, body) = seen.lock().await.take().expect("a request arrived");
    assert_eq!(headers.get("authorization").expect("the token is sent"), "Bearer hf_test");
    assert_eq!(headers.get("x-hf-bill-to").expect("it says who pays"), "acme");
    (uri.path().to_owned(), headers, body)
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_asked_in_openais_words() {
    let answer = json!({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]});
    let (path, _, body) = sent(ApiKind::Chat, None, answer).await;
    assert_eq!(path, "/v1/chat/completions");
    assert!(body["messages"][0]["content"].as_str().expect("the prompt").contains(KNOWN));
    let messages = &body["messages"];
    let whole =
        json!({"model": "org/model", "messages": messages, "max_tokens": 256, "temperature": 0.7, "top_p": 0.95});
    assert_eq!(body, whole, "a field more, and some servers refuse it");
    assert_eq!(messages[0]["role"], "user");
}

#[tokio::test(start_paused = true)]
async fn a_completion_is_asked_in_openais_words() {
    let (path, _, body) = sent(ApiKind::Completions, None, json!({"choices": [{"text": " fine"}]})).await;
    assert_eq!((path.as_str(), &body["model"]), ("/v1/completions", &"org/model".into()));
    assert!(body["prompt"].as_str().expect("the prompt").contains(KNOWN));
    assert_eq!((&body["max_tokens"], body.get("repetition_penalty")), (&256.into(), None));
}

#[tokio::test(start_paused = true)]
async fn the_inference_api_is_asked_in_its_own_words() {
    let (path, _, body) = sent(ApiKind::TextGeneration, None, json!([{"generated_text": "fine"}])).await;
    assert_eq!(path, "/");
    assert!(body["inputs"].as_str().expect("the prompt").contains(KNOWN));
    let parameters = json!({"max_new_tokens": 256, "temperature": 0.7, "top_p": 0.95, "repetition_penalty": 1.1});
    assert_eq!(body["parameters"], parameters);
}

#[tokio::test(start_paused = true)]
async fn tgi_is_asked_in_its_own_words() {
    let (path, _, body) = sent(ApiKind::Tgi, None, json!({"generated_text": "fine"})).await;
    assert_eq!((path.as_str(), &body["parameters"]["details"]), ("/generate", &true.into()));
    assert_eq!(body["parameters"]["repetition_penalty"], 1.1);
}

#[tokio::test(start_paused = true)]
async fn a_penalty_that_is_set_by_hand_is_sent_to_everybody() {
    let answer = json!({"choices": [{"message": {"content": "fine"}}]});
    let (_, _, body) = sent(ApiKind::Chat, Some(1.3), answer).await;
    assert_eq!(body["repetition_penalty"], 1.3);
}

#[tokio::test(start_paused = true)]
async fn the_embedded_api_speaks_each_kind() {
    for kind in [ApiKind::Chat, ApiKind::Completions, ApiKind::TextGeneration, ApiKind::Tgi] {
        let world = World::with(AssistantConfig { kind, ..AssistantConfig::default() }).await;
        let reply = world.ask("ada", KNOWN).await;
        assert_eq!(reply.meta("source"), "model", "{kind:?}: {}", reply.body);
        assert!(reply.answer().contains(KNOWN_ANSWER) && !reply.answer().contains("Question:"), "{}", reply.body);
    }
}

#[tokio::test(start_paused = true)]
async fn the_embedded_api_says_errors_as_each_kind_does() {
    let upstream = Upstream::start(0).await.expect("a loopback port is free");
    let client = plain_client().build().expect("it needs nothing");
    let ask = async |path: &str, body: Value| send(client.post(upstream.url() + path).json(&body)).await;
    let reply = ask("/v1/chat/completions", json!({"prompt": "Why?"})).await;
    assert_eq!((reply.status.as_u16(), &reply.body["error"]["message"]), (400, &"'messages' is required".into()));
    assert_eq!(ask("/generate", json!({})).await.body["error_type"], "validation");
    assert_eq!(ask("/v1/embeddings", json!({})).await.status, 404);
    upstream.handle().behave(Behaviour::Error(424)).await;
    let reply = ask("/generate", json!({"inputs": "Why?"})).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.body),
        (424, &json!({"error": "scripted outage", "error_type": "generation"}))
    );
    let reply = ask("/v1/completions", json!({"prompt": "Why?"})).await;
    assert_eq!(
        (&reply.body["error"]["code"], &reply.body["error"]["type"]),
        (&424.into(), &"invalid_request_error".into())
    );
    assert_eq!(ask("/models/any", json!({"inputs": "Why?"})).await.body, json!({"error": "scripted outage"}));
}

#[tokio::test(start_paused = true)]
async fn the_embedded_api_says_how_it_is_and_which_model_it_has() {
    let upstream = Upstream::start(0).await.expect("a loopback port is free");
    let client = plain_client().build().expect("it needs nothing");
    let get = async |path: &str| send(client.get(upstream.url() + path)).await;
    assert_eq!(get("/v1/models").await.body["data"][0]["id"], "note-reader");
    assert_eq!(get("/health").await.body["status"], "ok");
    upstream.handle().behave(Behaviour::Loading).await;
    assert_eq!(get("/health").await.status, 503);
}

/// The data of the embedded API's events.
async fn streamed(path: &str, body: Value) -> Vec<String> {
    let upstream = Upstream::start(0).await.expect("a loopback port is free");
    let client = plain_client().build().expect("it needs nothing");
    let response = client.post(upstream.url() + path).json(&body).send().await.expect("it answers");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.expect("it ends in order");
    let data = |event: &str| event.strip_prefix("data:").expect("it is data").trim_start().to_owned();
    text.split_terminator("\n\n").map(data).collect()
}

/// A prompt whose answer has four words, in the named field.
const PROMPT: &str = "[1] Bread: Bake it quite long. \nQuestion: How long do I bake bread?";

fn json_of(event: &str) -> Value {
    serde_json::from_str(event).expect("it is JSON")
}

#[tokio::test(start_paused = true)]
async fn the_embedded_api_streams_a_chat_as_openai_does() {
    let messages = json!([{"role": "user", "content": PROMPT}]);
    let options = json!({"include_usage": true});
    let body = json!({"messages": messages, "stream": true, "stream_options": options});
    let events = streamed("/v1/chat/completions", body).await;
    let (done, chunks) = events.split_last().expect("there are some");
    assert_eq!(done, "[DONE]");
    let chunks: Vec<_> = chunks.iter().map(|event| json_of(event)).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": null}));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Bake it quite long.");
    let (usage, finish) = (&chunks[chunks.len() - 1], &chunks[chunks.len() - 2]);
    assert_eq!((&usage["choices"], &usage["usage"]["completion_tokens"]), (&json!([]), &4.into()));
    assert_eq!((&finish["choices"][0]["finish_reason"], &finish["choices"][0]["delta"]), (&"stop".into(), &json!({})));
}

#[tokio::test(start_paused = true)]
async fn the_embedded_api_streams_a_completion_as_openai_does() {
    let events = streamed("/v1/completions", json!({"prompt": PROMPT, "stream": true, "max_tokens": 2})).await;
    let text: String = events[..3]
        .iter()
        .filter_map(|event| Some(json_of(event)["choices"][0]["text"].as_str()?.to_owned()))
        .collect();
    assert_eq!((text.as_str(), events.len()), ("Bake it", 4));
    assert_eq!((&json_of(&events[2])["choices"][0]["finish_reason"], events[3].as_str()), (&"length".into(), "[DONE]"));
}

/// TGI ignores `stream` on that route.
#[tokio::test(start_paused = true)]
async fn generate_gives_whole_answers_only() {
    let upstream = Upstream::start(0).await.expect("a loopback port is free");
    let client = plain_client().build().expect("it needs nothing");
    let body = json!({"inputs": PROMPT, "stream": true});
    let reply = send(client.post(upstream.url() + "/generate").json(&body)).await;
    assert_eq!(reply.body["generated_text"], "Bake it quite long.");
}

#[tokio::test(start_paused = true)]
async fn the_embedded_api_streams_as_tgi_does() {
    for (path, body) in [
        ("/generate_stream", json!({"inputs": PROMPT})),
        ("/", json!({"inputs": PROMPT, "stream": true})),
        ("/models/any", json!({"inputs": PROMPT, "stream": true})),
    ] {
        let events: Vec<_> = streamed(path, body).await.iter().map(|event| json_of(event)).collect();
        let text: String = events[..4].iter().filter_map(|event| event["token"]["text"].as_str()).collect();
        assert_eq!((text.as_str(), events.len()), ("Bake it quite long.", 5), "{path}: there is no [DONE]");
        assert_eq!((&events[3]["generated_text"], &events[4]["token"]["special"]), (&Value::Null, &true.into()));
        assert_eq!(
            (&events[4]["generated_text"], &events[4]["details"]["finish_reason"]),
            (&text.into(), &"eos_token".into())
        );
    }
}

type Seen = Arc<Mutex<Option<(Uri, HeaderMap, Value)>>>;

/// An API that records its requests, and answers each with this.
async fn remember_into(seen: Seen, answer: Value) -> SocketAddr {
    let remember = async move |uri: Uri, headers: HeaderMap, Json(body): Json<Value>| {
        *seen.lock().await = Some((uri, headers, body));
        Json(answer)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(remember)).await });
    address
}
