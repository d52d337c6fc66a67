//! The room of HTTP: the routes, and what each outcome looks like from outside.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{
        Query, State as Shared,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use breaker_core::{Registry, Status};
use serde::Deserialize;

use crate::{
    error::SearchError,
    indexing::CodeIndexingService,
    reply::{ErrorReply, HealthReply, IndexReply, Probe, SearchReply, milliseconds, whole_seconds},
};

/// When to come back after a failure that has not opened the breaker.
const SHORTLY: Duration = Duration::from_secs(2);

/// The body of `POST /v1/code/index`.
#[derive(Clone, Debug, Deserialize)]
pub struct IndexRequest {
    /// The name of the file; its ending says the language.
    pub file_path: String,
    /// What stands in it.
    pub content: String,
}

/// The parameters of `GET /v1/code/search/hybrid`.
#[derive(Clone, Debug, Deserialize)]
pub struct SearchRequest {
    /// What is looked for.
    pub query: String,
    /// The most functions that are wanted, from 1 to 50.
    #[serde(default = "ten")]
    pub limit: usize,
}

fn ten() -> usize {
    10
}

/// The routes of the service.
pub fn routes(service: Arc<CodeIndexingService>) -> Router {
    Router::new()
        .route("/v1/code/index", post(index))
        .route("/v1/code/search/hybrid", get(search))
        .route("/health", get(health))
        .route("/health/circuit-breakers", get(circuit_breakers))
        .fallback(async || error(StatusCode::NOT_FOUND, "not_found", "There is no such route.".to_owned()))
        .with_state(service)
}

async fn index(
    Shared(service): Shared<Arc<CodeIndexingService>>,
    body: Result<Json<IndexRequest>, JsonRejection>,
) -> Response {
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return error(rejection.status(), "invalid_request", rejection.body_text()),
    };
    match service.index_file(&request.file_path, &request.content).await {
        Ok(indexed) => Json(IndexReply { file_path: &request.file_path, indexed }).into_response(),
        Err(failed) => failure(&failed),
    }
}

async fn search(
    Shared(service): Shared<Arc<CodeIndexingService>>,
    parameters: Result<Query<SearchRequest>, QueryRejection>,
) -> Response {
    let started = Instant::now();
    let SearchRequest { query, limit } = match parameters {
        Ok(Query(request)) => request,
        Err(rejection) => return error(rejection.status(), "invalid_request", rejection.body_text()),
    };
    if !(1..=50).contains(&limit) {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "`limit` is a number from 1 to 50.".to_owned());
    }
    match service.search(&query, limit).await {
        Ok(answer) => Json(SearchReply::new(&query, answer, started.elapsed())).into_response(),
        Err(failed) => failure(&failed),
    }
}

/// What a user sees of an error: his own mistakes, or when to come back.
fn failure(failed: &SearchError) -> Response {
    let (SearchError::Database { state, .. } | SearchError::Embedding { state, .. }) = failed else {
        return error(StatusCode::BAD_REQUEST, "invalid_request", failed.to_string());
    };
    let wait = failed.retry_after().unwrap_or(SHORTLY);
    let seconds = whole_seconds(wait);
    let body = ErrorReply {
        error: "service_unavailable",
        message: format!("The index cannot be reached at the moment: {failed}."),
        retry_after: Some(seconds),
        circuit_status: Some(state.as_str()),
    };
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds.to_string())], Json(body)).into_response()
}

fn error(status: StatusCode, error: &'static str, message: String) -> Response {
    (status, Json(ErrorReply { error, message, retry_after: None, circuit_status: None })).into_response()
}

/// The breakers, and whether the database answers. The question goes through its breaker, so a monitor that asks often enough is what
/// closes it again when nobody else calls.
async fn health(Shared(service): Shared<Arc<CodeIndexingService>>) -> Response {
    let started = Instant::now();
    let answered = service.database().ping().await;
    let latency_ms = milliseconds(started.elapsed());
    let error = answered.err().map(|error| error.to_string());
    let probe = Probe { healthy: error.is_none(), latency_ms, error };
    let mut health = Registry::global().health();
    if !probe.healthy {
        health.status = Status::Degraded;
    }
    Json(HealthReply { health, probes: BTreeMap::from([("database", probe)]) }).into_response()
}

async fn circuit_breakers() -> Response {
    Json(Registry::global().health().circuit_breakers).into_response()
}
