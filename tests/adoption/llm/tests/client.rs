//! What the client does while everything is well.

mod common;

use common::Api;
use futures_util::{Stream, TryStreamExt as _};
use llm::{generate_all, ChatRequest, Chunk, Client, LlmError, Provider, Reply, Result};
use reqwest::Response;
use serde_json::json;
use std::error::Error;

fn ask(model: &str) -> ChatRequest {
    ChatRequest::new(model, "salt and pepper")
}

async fn client() -> Client {
    Client::new(format!("http://{}", Api::start().await.address), "secret")
}

#[tokio::test]
async fn whole_answers() {
    let client = client().await;
    let reply: Result<Reply, LlmError> = client.chat(&ask("default")).await;
    assert_eq!(reply.unwrap(), Reply { text: "an answer to salt and pepper".into() });
    let refused = client.chat(&ask("unknown")).await.unwrap_err();
    assert_eq!(refused.to_string(), "the API answered 404: no such model");
    assert_eq!(client.models().await.unwrap(), ["default", "cut"]);
    assert_eq!(client.embed(vec!["a".into(), "b".into()]).await.unwrap(), [[0.5, 1.0], [0.5, 1.0]]);
    assert!(client.embed(Vec::new()).await.unwrap().is_empty());
    assert!(client.is_harmless("bread").await);
    assert!(!client.is_harmless("poison").await);
}

#[tokio::test]
async fn answers_of_any_status() {
    let client = client().await;
    let sent: Result<Response, reqwest::Error> = client.send("/nowhere", &json!({})).await;
    assert_eq!(sent.unwrap().status(), 404);
    let raw: Result<Response, LlmError> = client.raw(&ask("default")).await;
    assert_eq!(raw.unwrap().status(), 200);
}

#[tokio::test]
async fn answers_in_parts() {
    let client = client().await;
    let expected: Vec<_> = ["salt", "and", "pepper"].map(|text| Chunk { text: text.into() }).into();
    let named = client.chat_stream(ask("default")).await.unwrap();
    assert_eq!(named.try_collect::<Vec<_>>().await.unwrap(), expected);
    let unnamed = client.chat_events(&ask("default")).await.unwrap();
    assert_eq!(unnamed.try_collect::<Vec<_>>().await.unwrap(), expected);
    let words: Vec<String> = client.words("default", "salt and pepper").try_collect().await.unwrap();
    assert_eq!(words, ["salt", "and", "pepper"]);
    let bytes: Result<_, Box<dyn Error + Send + Sync>> = client.bytes(&ask("default")).await;
    let bytes: Vec<_> = bytes.unwrap().try_collect().await.unwrap();
    assert!(bytes.concat().ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn an_answer_that_is_cut() {
    let client = client().await;
    async fn read(parts: impl Stream<Item = Result<Chunk>>) -> LlmError {
        parts.try_for_each(|_| async { Ok(()) }).await.unwrap_err()
    }
    assert!(matches!(read(client.chat_stream(ask("cut")).await.unwrap()).await, LlmError::Cut));
    assert!(matches!(read(client.chat_events(&ask("cut")).await.unwrap()).await, LlmError::Cut));
}

#[tokio::test]
async fn as_a_provider() {
    let client = client().await;
    let provider: &dyn Provider = &client;
    assert_eq!(provider.generate("tea").await.unwrap(), "an answer to tea");
    assert_eq!(provider.beginning("tea and cake").await, Some(Chunk { text: "tea".into() }));
    assert_eq!(generate_all(provider, &["a", "b"]).await.unwrap(), ["an answer to a", "an answer to b"]);
}
