//! Tests that the embedded API behaves like llama.cpp.
//!
//! The same assertions run against both, and against the embedded one alone where the other is not
//! installed.

use breaker_examples::assistant::{
    endpoint::EMBEDDED_MODEL,
    tokens::{Event, decode},
    wire::finish::Finish,
};
use futures_util::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both::{apis, is_json},
    llama::{CHAT, COMPLETIONS},
};

/// The source of the embedded API's answer; llama.cpp answers every prompt.
const PROMPT: &str = "[1] Bread: Bake it quite long. \nQuestion: How long do I bake bread?";

/// The key, where the server requires one.
const KEY: &str = "right";

fn question() -> Value {
    json!({"messages": [{"role": "user", "content": PROMPT}], "prompt": PROMPT})
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

/// The numbers of tokens, if they agree with each other.
fn completion_tokens(usage: &Value) -> Option<u64> {
    let [prompt, completion, total] =
        ["prompt_tokens", "completion_tokens", "total_tokens"].map(|field| usage[field].as_u64());
    completion.filter(|completion| total == prompt.map(|prompt| prompt + completion))
}

#[tokio::test]
async fn a_chat_is_answered_whole() {
    for api in apis(None).await {
        let answer = api.answer(CHAT, &question()).await;
        let choice = &answer["choices"][0];
        assert_eq!(
            (&answer["object"], &answer["model"], &choice["index"], &choice["finish_reason"]),
            (&json!("chat.completion"), &json!(EMBEDDED_MODEL), &json!(0), &json!("stop")),
            "{}",
            api.name
        );
        assert_eq!(choice["message"]["role"], "assistant", "{}", api.name);
        assert!(choice["message"]["content"].as_str().unwrap().split_whitespace().count() > 2, "{}", api.name);
        assert!(answer["id"].is_string() && answer["created"].is_u64(), "{}", api.name);
        assert!(completion_tokens(&answer["usage"]).is_some(), "{}: {answer}", api.name);
    }
}

#[tokio::test]
async fn a_completion_is_answered_whole() {
    for api in apis(None).await {
        let answer = api.answer(COMPLETIONS, &question()).await;
        let choice = &answer["choices"][0];
        assert_eq!(
            (&answer["object"], &choice["finish_reason"], &choice["logprobs"]),
            (&json!("text_completion"), &json!("stop"), &Value::Null),
            "{}",
            api.name
        );
        assert!(choice["text"].as_str().unwrap().split_whitespace().count() > 2, "{}", api.name);
        assert!(completion_tokens(&answer["usage"]).is_some(), "{}: {answer}", api.name);
    }
}

#[tokio::test]
async fn a_streamed_chat_is_the_role_the_tokens_the_finish_and_done() {
    for api in apis(None).await {
        let plain = api.answer(CHAT, &question()).await;
        let chunks = api.chunks(CHAT, &question()).await;
        let ([head, tokens @ .., finish], name) = (&chunks[..], api.name) else { panic!("{}", api.name) };
        let choice = |chunk: &Value| chunk["choices"][0].clone();
        assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"), "{name}");
        assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()), "{name}: nobody asked for it");
        let role = json!({"index": 0, "delta": {"role": "assistant", "content": null}, "finish_reason": null});
        assert_eq!(choice(head), role, "{name}");
        assert_eq!(choice(finish), json!({"index": 0, "delta": {}, "finish_reason": "stop"}), "{name}");
        let mut text = String::new();
        for token in tokens {
            let delta = &choice(token)["delta"];
            assert_eq!(
                (delta.as_object().unwrap().len(), &choice(token)["finish_reason"]),
                (1, &Value::Null),
                "{name}"
            );
            text.push_str(delta["content"].as_str().unwrap());
        }
        assert_eq!(plain["choices"][0]["message"]["content"], text, "{name}");
    }
}

#[tokio::test]
async fn a_streamed_completion_is_the_tokens_the_finish_with_the_usage_and_done() {
    for api in apis(None).await {
        let plain = api.answer(COMPLETIONS, &question()).await;
        // There is no separate chunk for the usage, whether requested or not.
        for options in [Value::Null, json!({"include_usage": true})] {
            let chunks = api.chunks(COMPLETIONS, &with(question(), "stream_options", options)).await;
            let ([tokens @ .., finish], name) = (&chunks[..], api.name) else { panic!("{}", api.name) };
            assert!(chunks.iter().all(|chunk| chunk["object"] == "text_completion"), "{name}");
            let end = json!({"index": 0, "text": "", "logprobs": null, "finish_reason": "stop"});
            assert_eq!(finish["choices"], json!([end]), "{name}");
            assert!(completion_tokens(&finish["usage"]).is_some(), "{name}: {finish}");
            let text: String = tokens.iter().filter_map(|token| token["choices"][0]["text"].as_str()).collect();
            assert_eq!(plain["choices"][0]["text"], text, "{name}");
        }
    }
}

#[tokio::test]
async fn the_usage_of_a_chat_comes_last_and_has_no_choice() {
    for api in apis(None).await {
        let body = with(with(question(), "stream_options", json!({"include_usage": true})), "max_tokens", json!(2));
        let chunks = api.chunks(CHAT, &body).await;
        let (usage, before) = chunks.split_last().unwrap();
        assert_eq!((&usage["choices"], completion_tokens(&usage["usage"])), (&json!([]), Some(2)), "{}", api.name);
        assert_eq!(before[before.len() - 1]["choices"][0]["finish_reason"], "length", "{}", api.name);
        assert!(before.iter().all(|chunk| chunk.get("usage").is_none()), "{}", api.name);
    }
}

#[tokio::test]
async fn a_limit_on_tokens_is_the_finish_length() {
    for api in apis(None).await {
        for field in ["max_tokens", "max_completion_tokens"] {
            let body = with(question(), field, json!(2));
            let answer = api.answer(CHAT, &body).await;
            let choice = &answer["choices"][0];
            let words = choice["message"]["content"].as_str().unwrap().split_whitespace().count();
            assert_eq!((words, &choice["finish_reason"]), (2, &json!("length")), "{}: {field}", api.name);
            assert_eq!(completion_tokens(&answer["usage"]), Some(2), "{}: {field}", api.name);

            let response = api.post(CHAT, &with(body, "stream", json!(true))).await;
            let events: Vec<_> = decode(response.bytes_stream()).try_collect().await.unwrap();
            assert_eq!(events[2..], [Event::Finish(Finish::Length), Event::Done], "{}: {field}", api.name);
        }
        let answer = api.answer(COMPLETIONS, &with(question(), "max_tokens", json!(2))).await;
        assert_eq!(answer["choices"][0]["finish_reason"], "length", "{}", api.name);
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_so_is_the_name_of_another_model() {
    for api in apis(None).await {
        let body = with(with(question(), "no_such_field", json!({"a": [1]})), "model", json!("large"));
        for route in [CHAT, COMPLETIONS] {
            assert_eq!(api.answer(route, &body).await["model"], EMBEDDED_MODEL, "{}: {route}", api.name);
        }
    }
}

#[tokio::test]
async fn a_body_without_a_question_is_400_also_for_a_stream() {
    for api in apis(None).await {
        for streams in [false, true] {
            for (route, field) in [(CHAT, "messages"), (COMPLETIONS, "prompt")] {
                let body = json!({"inputs": PROMPT, "parameters": {"max_new_tokens": 5}, "stream": streams});
                let (status, kind, message) = api.refusal(api.post(route, &body).await).await;
                assert_eq!((status, kind.as_str()), (400, "invalid_request_error"), "{}", api.name);
                assert!(message.contains(&format!("'{field}'")), "{}: {message}", api.name);
            }
        }
        let refusal = api.refusal(api.post(CHAT, &json!({})).await).await;
        assert_eq!(refusal.2, "'messages' is required", "{}", api.name);
        let refusal = api.refusal(api.post(CHAT, &json!({"messages": PROMPT})).await).await;
        assert_eq!((refusal.0, refusal.2.as_str()), (400, "Expected 'messages' to be an array"), "{}", api.name);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_400() {
    for api in apis(None).await {
        for route in [CHAT, COMPLETIONS] {
            for body in ["", r#"{"mess"#] {
                let response = api.send(Method::POST, route, body.to_owned()).await;
                let (status, kind, _) = api.refusal(response).await;
                assert_eq!((status, kind.as_str()), (400, "invalid_request_error"), "{}: {route}", api.name);
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_401_at_every_route_but_the_health() {
    for mut api in apis(Some(KEY)).await {
        assert_eq!(api.answer(CHAT, &question()).await["choices"][0]["finish_reason"], "stop", "{}", api.name);
        for key in [Some("wrong"), None] {
            api.key = key;
            for streams in [false, true] {
                let body = with(question(), "stream", json!(streams));
                for route in [CHAT, COMPLETIONS, "/v1/embeddings"] {
                    let refusal = api.refusal(api.post(route, &body).await).await;
                    let expected = (401, "authentication_error".to_owned(), "Invalid API Key".to_owned());
                    assert_eq!(refusal, expected, "{}: {key:?} {route}", api.name);
                }
            }
            assert_eq!(api.get("/v1/models").await.status(), 401, "{}: {key:?}", api.name);
            assert_eq!(api.get("/health").await.status(), 200, "{}: {key:?}", api.name);
        }
    }
}

#[tokio::test]
async fn an_unknown_route_is_404_and_so_is_the_wrong_method() {
    for api in apis(None).await {
        let asked = [
            (Method::POST, "/no/such/route"),
            (Method::GET, "/v2/models"),
            (Method::GET, CHAT),
            (Method::POST, "/health"),
        ];
        for (method, route) in asked {
            let response = api.send(method, route, "{}".to_owned()).await;
            let expected = (404, "not_found_error".to_owned(), "File Not Found".to_owned());
            assert_eq!(api.refusal(response).await, expected, "{}: {route}", api.name);
        }
    }
}

#[tokio::test]
async fn it_says_which_model_it_has_and_how_it_is() {
    for api in apis(None).await {
        let models: Value = api.get("/v1/models").await.json().await.unwrap();
        let model = &models["data"][0];
        assert_eq!(
            (&models["object"], &model["id"], &model["object"]),
            (&json!("list"), &json!(EMBEDDED_MODEL), &json!("model")),
            "{}",
            api.name
        );
        assert!(model["created"].is_u64() && model["owned_by"].is_string(), "{}: {models}", api.name);
        let health = api.get("/health").await;
        assert_eq!((health.status().as_u16(), is_json(&health)), (200, true), "{}", api.name);
        assert_eq!(health.json::<Value>().await.unwrap(), json!({"status": "ok"}), "{}", api.name);
    }
}
