//! The API goes away, answers 500 or breaks off, and comes back.

mod common;
#[path = "../../gate.rs"]
mod gate;

use breaker_core::testing::{assert_state, breaker, isolated, record};
use breaker_core::{CircuitBreakerError, Registry, State};
use common::Api;
use futures_util::{StreamExt as _, TryStreamExt as _};
use gate::{pass, Gate};
use llm::{generate_all, ChatRequest, Client, LlmError, Provider};
use serde_json::json;
use std::time::Duration;

const RECOVERY: Duration = Duration::from_secs(30);

fn ask(model: &str) -> ChatRequest {
    ChatRequest::new(model, "salt and pepper")
}

/// The error that the annotations make of a rejection.
fn is_rejected<T>(result: Result<T, LlmError>) -> bool {
    matches!(result, Err(LlmError::Other(error)) if error.is::<CircuitBreakerError>())
}

#[tokio::test]
async fn the_api_goes_away_and_comes_back() {
    let api = Api::start().await;
    let mut gate = Gate::before(api.address).await;
    isolated(async {
        let client = Client::new(format!("http://{}", gate.address()), "secret");
        for _ in 0..10 {
            assert!(matches!(client.chat(&ask("unknown")).await, Err(LlmError::Api { status: 404, .. })));
            assert_eq!(client.send("/nowhere", &json!({})).await.unwrap().status(), 404);
        }
        let llm = breaker("llm");
        assert_state(&llm, State::Closed);

        gate.close().await;
        for _ in 0..3 {
            assert!(matches!(client.chat(&ask("default")).await, Err(LlmError::Http(error)) if error.is_connect()));
        }
        assert_state(&llm, State::Open);
        let because = llm.snapshot().opened_because.unwrap();
        assert!(because.starts_with("3 consecutive failures"), "{because}");

        gate.open().await;
        let knocked = gate.connections();
        assert!(is_rejected(client.chat(&ask("default")).await));
        assert!(is_rejected(client.raw(&ask("default")).await));
        assert!(is_rejected(client.models().await));
        assert!(is_rejected(client.embed(vec!["a".into()]).await));
        assert!(is_rejected(client.chat_stream(ask("default")).await));
        assert!(is_rejected(client.chat_events(&ask("default")).await));
        for _ in 0..3 {
            let Err(error) = client.bytes(&ask("default")).await else { panic!("it is open") };
            assert!(is_rejected::<()>(Err(*error.downcast().unwrap())));
        }
        // A function whose error nobody else can make gives an answer.
        assert_eq!(client.send("/chat", &json!({})).await.unwrap().status(), 503);
        let words: Vec<_> = client.words("default", "salt").collect().await;
        assert!(words.into_iter().all(is_rejected), "it hands on what it gets");
        assert!(!client.is_harmless("bread").await);
        let provider: &dyn Provider = &client;
        assert!(is_rejected(generate_all(provider, &["a"]).await));
        assert_eq!(provider.beginning("tea").await, None);
        assert_eq!(gate.connections(), knocked);
        // Nobody was asked, which is no failure of those who would have asked.
        assert_state(&breaker("llm_streams"), State::Closed);
        assert_state(&breaker("provider"), State::Closed);
        assert_eq!(Registry::global().health().circuit_breakers["llm"].state, State::Open);

        pass(RECOVERY).await;
        let parts = client.chat_stream(ask("default")).await.unwrap();
        assert_eq!(parts.try_collect::<Vec<_>>().await.unwrap().len(), 3);
        assert_state(&llm, State::Closed);
        assert_eq!(generate_all(provider, &["a"]).await.unwrap(), ["an answer to a"]);
    })
    .await;
}

#[tokio::test]
async fn answers_of_status_500_open_it() {
    let api = Api::start().await;
    isolated(async {
        let client = Client::new(format!("http://{}", api.address), "secret");
        let llm = breaker("llm");
        api.answer_with(500);
        for _ in 0..3 {
            assert_eq!(client.raw(&ask("default")).await.unwrap().status(), 500);
        }
        assert_state(&llm, State::Open);
        assert!(is_rejected(client.raw(&ask("default")).await));
        assert_eq!(api.requests(), 3);

        // The trial fails, and the next one succeeds.
        pass(RECOVERY).await;
        assert_eq!(client.send("/chat", &json!({})).await.unwrap().status(), 500);
        assert_state(&llm, State::Open);
        api.answer_with(200);
        pass(RECOVERY).await;
        assert_eq!(client.raw(&ask("default")).await.unwrap().status(), 200);
        assert_state(&llm, State::Closed);
        assert_eq!(api.requests(), 5);
    })
    .await;
}

#[tokio::test]
async fn answers_that_break_off_open_it() {
    let api = Api::start().await;
    isolated(async {
        let client = Client::new(format!("http://{}", api.address), "secret");
        for _ in 0..3 {
            let parts = client.chat_stream(ask("cut")).await.unwrap();
            assert!(matches!(parts.try_collect::<Vec<_>>().await, Err(LlmError::Cut)));
        }
        let streams = breaker("llm_streams");
        assert_state(&streams, State::Open);
        assert!(is_rejected(client.chat_events(&ask("default")).await));
        assert_eq!(api.requests(), 3);
        // What is asked for whole goes on.
        assert_eq!(client.chat(&ask("default")).await.unwrap().text, "an answer to salt and pepper");
        pass(RECOVERY).await;
        // Its reader has enough, which is as good as the end.
        let mut parts = Box::pin(client.chat_events(&ask("default")).await.unwrap());
        assert_eq!(parts.next().await.unwrap().unwrap().text, "salt");
        assert_state(&streams, State::HalfOpen);
        drop(parts);
        assert_state(&streams, State::Closed);
    })
    .await;
}

#[tokio::test]
async fn a_silent_api_is_left_after_the_time_limit() {
    let api = Api::start().await;
    let mut gate = Gate::before(api.address).await;
    gate.fall_silent().await;
    isolated(async {
        let client = Client::new(format!("http://{}", gate.address()), "secret");
        let told = record();
        tokio::time::pause();
        for _ in 0..3 {
            let Err(LlmError::Other(error)) = client.models().await else { panic!("nobody answers") };
            assert!(error.downcast_ref::<CircuitBreakerError>().unwrap().is_timeout());
        }
        tokio::time::resume();
        told.assert(["llm: failure", "llm: failure", "llm: failure", "llm: closed -> open"]);
    })
    .await;
}

#[tokio::test]
async fn an_embedding_is_tried_again() {
    let api = Api::start().await;
    isolated(async {
        let client = Client::new(format!("http://{}", api.address), "secret");
        let told = record();
        api.answer_with(503);
        let embedding = client.embed(vec!["a".into()]);
        let mends = async {
            while api.requests() == 0 {
                tokio::task::yield_now().await;
            }
            api.answer_with(200);
        };
        let (vectors, ()) = tokio::join!(embedding, mends);
        assert_eq!(vectors.unwrap(), [[0.5, 1.0]]);
        told.assert(["llm: failure", "llm: retry 2", "llm: success"]);
    })
    .await;
}

#[test]
fn the_annotations_agree_with_each_other() {
    let registry = Registry::global();
    assert!(registry.load_env_from([("", ""); 0]).unwrap().warnings().is_empty());
    let breakers = registry.breakers();
    let names: Vec<_> = breakers.iter().map(|breaker| breaker.name()).collect();
    assert_eq!(names, ["llm", "llm_streams", "provider"]);
}
