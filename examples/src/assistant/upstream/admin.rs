//! The room of the outages on demand: a port of its own, on which `--serve` lets the API be taken
//! down with curl.

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

/// The kinds of outage, as they stand in the address.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// Every request is answered with an error status, 500 unless `status` says another one.
    Errors,
    /// Every request is answered with 429 and `Retry-After: 5`.
    Limited,
    /// Requests are never answered.
    Hang,
    /// Connections are refused.
    Refuse,
    /// Answers take a minute.
    Slow,
    /// Answers are half a JSON document.
    Garbage,
    /// Answers have no text.
    Invalid,
    /// The model is being loaded.
    Loading,
    /// Streams are cut off after some words, and end in order.
    Cut,
    /// Streams stand still after some words.
    Stall,
    /// Streams break after some words.
    Break,
    /// Streams go on with comments only after some words.
    Comments,
    /// Streams end with an event of the name `error` after some words.
    ErrorEvent,
}

/// An outage, as it is ordered.
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
    /// The behaviour in such an outage.
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

/// Slow enough that people see the words come.
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
    // Another outage may have been ordered in the meantime, and has its own end.
    if admin.upstream.behaviour() == behaviour {
        admin.upstream.behave(admin.healthy).await;
    }
}

async fn recovery(State(admin): State<Admin>) -> Json<Value> {
    admin.upstream.behave(admin.healthy).await;
    status(State(admin)).await
}
