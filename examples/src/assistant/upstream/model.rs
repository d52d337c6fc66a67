//! The room of the embedded API's model: the text-generation protocol, in each of its moods.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use super::{Behaviour, Shared};
use crate::assistant::local::best_sentences;

#[derive(Deserialize)]
struct Inputs {
    inputs: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    return_full_text: Option<bool>,
    max_new_tokens: Option<usize>,
}

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new().route("/models/{model}", post(generate)).with_state(shared)
}

async fn generate(State(shared): State<Arc<Shared>>, Json(request): Json<Inputs>) -> Response {
    shared.received.send_modify(|received| *received += 1);
    let number = *shared.received.borrow();
    // A copy, so that the lock is not held while the answer is waited for.
    let behaviour = *shared.behaviour.borrow();
    match behaviour {
        Behaviour::Healthy { latency } => {
            pause(latency + spread(latency, number)).await;
            answer(&request)
        }
        Behaviour::Slow(delay) => {
            pause(delay).await;
            answer(&request)
        }
        Behaviour::Hang => pending().await,
        // The request arrived in the moment in which the door was closed.
        Behaviour::Refuse => refuse(503, "shutting down"),
        Behaviour::Error(status) => refuse(status, "scripted outage"),
        Behaviour::Limited(time) => {
            let header = [(RETRY_AFTER, time.as_secs().to_string())];
            (header, refuse(429, "too many requests")).into_response()
        }
        Behaviour::Loading => refuse(503, "Model note-reader is currently loading"),
        Behaviour::Garbage => {
            ([(CONTENT_TYPE, "application/json")], r#"[{"generated_text": "The answ"#).into_response()
        }
        Behaviour::Invalid => Json(json!([{"generated_text": format!("{} \n ", request.inputs)}])).into_response(),
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Up to a half of the latency, different from request to request and the same in every run.
fn spread(latency: Duration, number: u64) -> Duration {
    latency * u32::try_from(number * 37 % 50).unwrap_or_default() / 100
}

fn refuse(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"error": message}))).into_response()
}

/// Answers from the notes in the prompt, with the prompt in front unless the caller does not want it.
fn answer(request: &Inputs) -> Response {
    let Inputs { inputs, parameters } = request;
    let question = inputs.rsplit_once("Question:").map_or(inputs.as_str(), |(_, question)| question);
    let notes = inputs.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once(": "));
    let sentences = best_sentences(question, notes.map(|(_, text)| text), |_| 1.0);
    // A word stands for a token.
    let words = sentences.split_whitespace().take(parameters.max_new_tokens.unwrap_or(usize::MAX));
    let words = words.collect::<Vec<_>>().join(" ");
    let echo = if parameters.return_full_text.unwrap_or(true) { inputs.as_str() } else { "" };
    Json(json!([{"generated_text": format!("{echo} {words}")}])).into_response()
}
