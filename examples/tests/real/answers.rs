//! Tests answers without streaming, and refusals.

use breaker_servers::llama_sentence;
use serde_json::{Value, json};

use crate::llama::{AskError, CHAT, COMPLETIONS, Llama, question};

#[tokio::test]
async fn a_chat_has_the_sentence_its_end_and_what_it_took() {
    let Some(llama) = Llama::start(&["model_alias=small"]).await else { return };
    let answer: Value = llama.post(CHAT, &question()).send().await.unwrap().json().await.unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["content"], format!(" {}", llama_sentence()));
    assert_eq!(choice["finish_reason"], "stop");
    // The last one is the end token.
    assert_eq!(answer["usage"]["completion_tokens"], llama_sentence().split(' ').count() + 1);
}

#[tokio::test]
async fn a_completion_has_it_as_text() {
    let Some(llama) = Llama::start(&[]).await else { return };
    let body = json!({ "prompt": "Is it open?", "max_tokens": 3 });
    let answer: Value = llama.post(COMPLETIONS, &body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["choices"][0]["text"], " A breaker opens");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
}

/// Only the name in the answer shows that the requested name is wrong.
#[tokio::test]
async fn another_models_name_is_answered_by_the_model_that_there_is() {
    let Some(llama) = Llama::start(&["model_alias=small"]).await else { return };
    let mut body = question();
    body["model"] = json!("large");
    let answer: Value = llama.post(CHAT, &body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["model"], "small");
}

/// The status and the error of a refused stream.
async fn refused(llama: &Llama, route: &str, body: &Value) -> (u16, Value) {
    match llama.stream(route, body).await {
        Err(AskError::Status(status, text)) => {
            let body: Value = serde_json::from_str(&text).unwrap();
            (status.as_u16(), body["error"].clone())
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is not refused"),
    }
}

#[tokio::test]
async fn a_wrong_key_is_401_and_the_right_one_is_taken() {
    let Some(llama) = Llama::start(&["api_keys=right"]).await else { return };
    let (status, error) = refused(&llama, CHAT, &question()).await;
    assert_eq!((status, &error["code"], &error["type"]), (401, &json!(401), &json!("authentication_error")));
    for (key, status) in [("wrong", 401), ("right", 200)] {
        let answer = llama.post(CHAT, &question()).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_400_and_not_a_stream() {
    let Some(llama) = Llama::start(&["n_ctx=512", "n_parallel=1"]).await else { return };
    let body = json!({ "messages": [{ "role": "user", "content": "x".repeat(1000) }] });
    let (status, error) = refused(&llama, CHAT, &body).await;
    assert_eq!((status, &error["code"], &error["type"]), (400, &json!(400), &json!("exceed_context_size_error")));
}

#[tokio::test]
async fn a_body_without_messages_is_400() {
    let Some(llama) = Llama::start(&[]).await else { return };
    let inputs = json!({ "inputs": "Is it open?", "parameters": { "max_new_tokens": 5 } });
    let (status, error) = refused(&llama, CHAT, &inputs).await;
    assert_eq!((status, &error["message"]), (400, &json!("'messages' is required")));
}

#[tokio::test]
async fn a_route_of_another_api_is_404() {
    let Some(llama) = Llama::start(&[]).await else { return };
    for route in ["/generate", "/generate_stream", "/models/small", "/v1/generate"] {
        let (status, error) = refused(&llama, route, &question()).await;
        assert_eq!((status, &error["type"]), (404, &json!("not_found_error")), "{route}");
    }
}
