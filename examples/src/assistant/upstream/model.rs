//! Implements the embedded API's routes, and its response to a request in each behaviour.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{
    Behaviour, Canned, Shared, StreamEnd, Streaming,
    events::Text,
    protocol::{Asked, Form},
    server::pause,
    stream,
};
use crate::assistant::{endpoint::EMBEDDED_MODEL, local::best_sentences};

/// The routes of OpenAI's API, of TGI's, and of the inference API.
pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let by = |form: Form| {
        post(async move |State(shared): State<Arc<Shared>>, body: Bytes| generate(&shared, form, &body).await)
    };
    Router::new()
        .route("/v1/chat/completions", by(Form::Chat))
        .route("/v1/completions", by(Form::Completion))
        .route("/generate", by(Form::Generate))
        .route("/generate_stream", by(Form::GenerateStream))
        .route("/", by(Form::Inputs))
        .route("/models/{model}", by(Form::Inputs))
        .route("/v1/models", get(models))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&shared), with_key))
        .merge(Router::new().route("/health", get(health).fallback(not_found)))
        .with_state(shared)
}

/// Admits requests with the key, if one is required.
async fn with_key(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_right = |key: &String| sent.and_then(|value| value.strip_prefix("Bearer ")) == Some(key);
    if shared.key.get().is_none_or(is_right) {
        return next.run(request).await;
    }
    shared.received.send_modify(|received| *received += 1);
    refuse(Form::Chat, 401, "Invalid API Key")
}

async fn not_found() -> Response {
    refuse(Form::Chat, 404, "File Not Found")
}

async fn generate(shared: &Shared, form: Form, body: &[u8]) -> Response {
    shared.received.send_modify(|received| *received += 1);
    let number = *shared.received.borrow();
    // A copy, so that the lock is not held during the wait for the answer.
    let behaviour = *shared.behaviour.borrow();
    let error = |status, message| refuse(form, status, message);
    match behaviour {
        Behaviour::Healthy { latency } => {
            pause(latency + spread(latency, number)).await;
            answer(form, body, whole(latency / 20))
        }
        Behaviour::Slow(delay) => {
            pause(delay).await;
            answer(form, body, whole(Duration::ZERO))
        }
        Behaviour::Hang => pending().await,
        // The request arrived at the moment when the API began to refuse connections.
        Behaviour::Refuse => error(503, "shutting down"),
        Behaviour::Error(status) => error(status, "scripted outage"),
        Behaviour::Limited(time) => {
            ([(RETRY_AFTER, time.as_secs().to_string())], error(429, "too many requests")).into_response()
        }
        Behaviour::Loading => error(503, "Model note-reader is currently loading"),
        Behaviour::Garbage => ([(CONTENT_TYPE, "application/json")], r#"{"choices": [{"mess"#).into_response(),
        Behaviour::Invalid => Json(form.answer(" \n ", "stop", 0)).into_response(),
        Behaviour::Says(canned) => say(canned),
        Behaviour::Streams(streaming) => answer(form, body, streaming),
    }
}

async fn models() -> Response {
    let model = json!({"id": EMBEDDED_MODEL, "object": "model", "created": 0, "owned_by": "assistant"});
    Json(json!({"object": "list", "data": [model]})).into_response()
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let behaviour = *shared.behaviour.borrow();
    match behaviour {
        Behaviour::Healthy { .. } | Behaviour::Streams(_) => Json(json!({"status": "ok"})).into_response(),
        _ => refuse(Form::Chat, 503, "not well"),
    }
}

/// Up to half of the latency. It differs from request to request and is the same in every process.
fn spread(latency: Duration, number: u64) -> Duration {
    latency * u32::try_from(number * 37 % 50).unwrap_or_default() / 100
}

fn refuse(form: Form, status: u16, message: &str) -> Response {
    let body = Json(form.error(status, message));
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
}

fn say(canned: Canned) -> Response {
    let mut response = canned.body.into_response();
    *response.status_mut() = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in canned.headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A streamed answer of a healthy API.
fn whole(gap: Duration) -> Streaming {
    Streaming { tokens: usize::MAX, gap, then: StreamEnd::Whole }
}

/// Answers from the notes in the prompt, within the request's limit: a word counts as a token.
fn answer(form: Form, body: &[u8], streaming: Streaming) -> Response {
    let asked = match Asked::read(form, body) {
        Ok(asked) => asked,
        Err(mistake) => return refuse(form, mistake.status, &mistake.message),
    };
    let prompt = asked.prompt.as_str();
    let question = prompt.rsplit_once("Question:").map_or(prompt, |(_, question)| question);
    let notes = prompt.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once(": "));
    let sentences = best_sentences(question, notes.map(|(_, text)| text), |_| 1.0);
    let all = sentences.split_whitespace().count();
    let words: Vec<_> = sentences.split_whitespace().take(asked.max_tokens).collect();
    let finish = if words.len() < all { "length" } else { "stop" };
    if asked.stream {
        return stream::send(form, Text { tokens: words, finish, usage: asked.usage }, streaming);
    }
    let text = words.join(" ");
    let text = if asked.echo { format!("{prompt} {text}") } else { text };
    Json(form.answer(&text, finish, words.len())).into_response()
}
