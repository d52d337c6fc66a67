//! Serves outages on demand: a port of its own, on which curl takes the API of `--serve` down.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Behaviour, StreamEnd, Streaming, UpstreamHandle};

/// The kinds of outage, by their names in the address.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Every request gets an error status, 500 unless `status` has another one.
    Errors,
    /// Every request gets 429 and `Retry-After: 5`.
    Limited,
    /// Requests never get an answer.
    Hang,
    /// Connections are refused.
    Refuse,
    /// Answers take a minute.
    Slow,
    /// Answers are half a JSON document.
    Garbage,
    /// Answers have no text.
    Invalid,
    /// The API still loads its model.
    Loading,
    /// Streams end in order after some words, without their finish.
    Cut,
    /// Streams fall silent after some words.
    Stall,
    /// Streams break after some words.
    Break,
    /// Streams send only comments after some words.
    Comments,
    /// Streams end with an `error` event after some words.
    ErrorEvent,
}

/// An order for an outage.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Outage {
    kind: Kind,
    #[serde(default = "internal_server_error")]
    status: u16,
    seconds: Option<u32>,
}

fn internal_server_error() -> u16 {
    500
}

impl Kind {
    /// The behaviour in this outage.
    #[must_use]
    pub fn behaviour(self) -> Behaviour {
        Outage { kind: self, status: internal_server_error(), seconds: None }.behaviour()
    }
}

impl Outage {
    fn behaviour(self) -> Behaviour {
        match self.kind {
            Kind::Errors => Behaviour::Error(self.status),
            Kind::Limited => Behaviour::Limited(Duration::from_secs(5)),
            Kind::Hang => Behaviour::Hang,
            Kind::Refuse => Behaviour::Refuse,
            Kind::Slow => Behaviour::Slow(Duration::from_secs(60)),
            Kind::Garbage => Behaviour::Garbage,
            Kind::Invalid => Behaviour::Invalid,
            Kind::Loading => Behaviour::Loading,
            Kind::Cut => after_some_words(StreamEnd::Cut),
            Kind::Stall => after_some_words(StreamEnd::Stall),
            Kind::Break => after_some_words(StreamEnd::Break),
            Kind::Comments => after_some_words(StreamEnd::Comments),
            Kind::ErrorEvent => after_some_words(StreamEnd::ErrorEvent),
        }
    }
}

/// Slow enough that people see the words appear.
fn after_some_words(then: StreamEnd) -> Behaviour {
    Behaviour::Streams(Streaming { tokens: 3, gap: Duration::from_millis(200), then })
}

#[derive(Clone)]
struct Admin {
    upstream: UpstreamHandle,
    healthy: Behaviour,
}

/// The routes: `POST /upstream/outage?kind=errors&seconds=30`, `POST /upstream/recovery`,
/// `GET /upstream`.
///
/// `healthy` is the behaviour outside of outages.
pub fn routes(upstream: UpstreamHandle, healthy: Behaviour) -> Router {
    Router::new()
        .route("/upstream", get(status))
        .route("/upstream/outage", post(outage))
        .route("/upstream/recovery", post(recovery))
        .with_state(Admin { upstream, healthy })
}

async fn status(State(admin): State<Admin>) -> Json<Value> {
    Json(
        json!({"behaviour": format!("{:?}", admin.upstream.behaviour()), "requests_received": admin.upstream.received()}),
    )
}

async fn outage(State(admin): State<Admin>, Query(outage): Query<Outage>) -> Response {
    let behaviour = outage.behaviour();
    if !(400..=599).contains(&outage.status) {
        return (StatusCode::BAD_REQUEST, "`status` is an error status: 400 to 599\n").into_response();
    }
    admin.upstream.behave(behaviour).await;
    if let Some(seconds) = outage.seconds {
        tokio::spawn(end_of_outage(admin.clone(), behaviour, Duration::from_secs(seconds.into())));
    }
    status(State(admin)).await.into_response()
}

async fn end_of_outage(admin: Admin, behaviour: Behaviour, time: Duration) {
    tokio::time::sleep(time).await;
    // Another order may have come in the meantime, and it has its own end.
    if admin.upstream.behaviour() == behaviour {
        admin.upstream.behave(admin.healthy).await;
    }
}

async fn recovery(State(admin): State<Admin>) -> Json<Value> {
    admin.upstream.behave(admin.healthy).await;
    status(State(admin)).await
}
