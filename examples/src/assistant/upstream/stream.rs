//! The streamed answers of the embedded API: server-sent events, as each kind of API sends them.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};

use super::{protocol::Form, server::pause};
use crate::assistant::endpoint::EMBEDDED_MODEL;

/// A text that is sent token by token.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) tokens: Vec<&'a str>,
    /// Why it ends: `stop` or `length`.
    pub(super) finish: &'static str,
    /// Whether the number of tokens comes last.
    pub(super) usage: bool,
}

/// Sends the events of a text, with this pause before each but the first.
pub(super) fn send(form: Form, text: &Text<'_>, gap: Duration) -> Response {
    let events = match form {
        Form::Chat | Form::Completion => openai(form, text),
        Form::Generate | Form::Inputs => tgi(text),
    };
    let events = events.into_iter().map(|event| Bytes::from(format!("data: {event}\n\n"))).enumerate();
    let body = stream::unfold(events, move |mut events| async move {
        let (number, event) = events.next()?;
        if number > 0 {
            pause(gap).await;
        }
        Some((Ok::<_, std::convert::Infallible>(event), events))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

/// The chunks of OpenAI: the role, the tokens, the reason of the end, the usage if it was asked for, and `[DONE]`.
fn openai(form: Form, text: &Text<'_>) -> Vec<String> {
    let is_chat = form == Form::Chat;
    let object = if is_chat { "chat.completion.chunk" } else { "text_completion" };
    let chunk = |choices: Value| json!({"id": "chatcmpl-0", "object": object, "created": 0, "model": EMBEDDED_MODEL, "choices": choices});
    let part = |delta: Value, text: &str, finish: Option<&str>| match is_chat {
        true => chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}])),
        false => chunk(json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": finish}])),
    };
    let role = is_chat.then(|| part(json!({"role": "assistant", "content": null}), "", None));
    let tokens = spaced(&text.tokens).map(|token| part(json!({"content": token}), &token, None));
    let mut chunks: Vec<Value> = role.into_iter().chain(tokens).collect();
    chunks.push(part(json!({}), "", Some(text.finish)));
    if text.usage {
        let count = text.tokens.len();
        let mut last = chunk(json!([]));
        last["usage"] = json!({"prompt_tokens": 0, "completion_tokens": count, "total_tokens": count});
        chunks.push(last);
    }
    chunks.iter().map(Value::to_string).chain(["[DONE]".to_owned()]).collect()
}

/// The events of TGI: the last one has the whole text, and there is no `[DONE]`.
fn tgi(text: &Text<'_>) -> Vec<String> {
    let most = text.tokens.len().max(1);
    let finish = if text.finish == "stop" { "eos_token" } else { text.finish };
    let whole = text.tokens.join(" ");
    let details = json!({"finish_reason": finish, "generated_tokens": text.tokens.len(), "seed": null});
    let event = |(index, token): (usize, String)| {
        let is_last = index == most;
        let (whole, details) = if is_last { (json!(whole), details.clone()) } else { (Value::Null, Value::Null) };
        let token = json!({"id": index, "text": token, "logprob": 0.0, "special": false});
        json!({"index": index, "token": token, "generated_text": whole, "details": details}).to_string()
    };
    let tokens: Vec<_> = if text.tokens.is_empty() { vec![String::new()] } else { spaced(&text.tokens).collect() };
    (1..).zip(tokens).map(event).collect()
}

/// The words, each but the first with the blank before it.
fn spaced<'a>(words: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    words.iter().enumerate().map(|(n, word)| if n == 0 { (*word).to_owned() } else { format!(" {word}") })
}
