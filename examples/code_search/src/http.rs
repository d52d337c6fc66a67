//! Defines the HTTP routes, and the response to each outcome.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{
        Query, State as Shared,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use breaker_axum::{ErrorReply, HealthRouter, Unavailable, UnavailableLayer, health_router};
use breaker_core::Registry;
use serde::Deserialize;

use crate::{
    error::SearchError,
    indexing::CodeIndexingService,
    reply::{IndexReply, SearchReply},
};

/// The `Retry-After` of a failure that has not opened the breaker.
const SHORTLY: Duration = Duration::from_secs(2);

/// The longest that a health check waits for the database. It is longer than the limit of a call,
/// so that the call ends by itself and counts.
const PROBE_TIMEOUT: Duration = Duration::from_secs(6);

/// The body of `POST /v1/code/index`.
#[derive(Clone, Debug, Deserialize)]
pub struct IndexRequest {
    /// The name of the file; its extension says the language.
    pub file_path: String,
    /// Its content.
    pub content: String,
}

/// The parameters of `GET /v1/code/search/hybrid`.
#[derive(Clone, Debug, Deserialize)]
pub struct SearchRequest {
    /// The query.
    pub query: String,
    /// The most functions in the reply, from 1 to 50.
    #[serde(default = "ten")]
    pub limit: usize,
}

fn ten() -> usize {
    10
}

/// The routes of the service.
pub fn routes(service: Arc<CodeIndexingService>) -> Router {
    let health = health(Arc::clone(&service));
    Router::new()
        .route("/v1/code/index", post(index))
        .route("/v1/code/search/hybrid", get(search))
        .with_state(service)
        .merge(health)
        .fallback(async || ErrorReply::new(StatusCode::NOT_FOUND, "not_found", "There is no such route."))
        .layer(UnavailableLayer::new())
}

async fn index(
    Shared(service): Shared<Arc<CodeIndexingService>>,
    body: Result<Json<IndexRequest>, JsonRejection>,
) -> Response {
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return invalid(rejection.status(), rejection.body_text()),
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
        Err(rejection) => return invalid(rejection.status(), rejection.body_text()),
    };
    if !(1..=50).contains(&limit) {
        return invalid(StatusCode::BAD_REQUEST, "`limit` is a number from 1 to 50.".to_owned());
    }
    match service.search(&query, limit).await {
        Ok(answer) => Json(SearchReply::new(&query, answer, started.elapsed())).into_response(),
        Err(failed) => failure(&failed),
    }
}

/// A user's view of an error: a mistake in the request, or when to try again.
fn failure(failed: &SearchError) -> Response {
    let (state, what) = match failed {
        SearchError::Invalid(mistake) => return invalid(StatusCode::BAD_REQUEST, mistake.clone()),
        SearchError::Crowded(_) => return crowded(),
        SearchError::Database { state, .. } | SearchError::Embedding { state, .. } => (state, "reached"),
        SearchError::Write { state, .. } => (state, "changed"),
    };
    Unavailable::new()
        .state(*state)
        .retry_after(failed.retry_after().unwrap_or(SHORTLY))
        .message(format!("The index cannot be {what} at the moment: {failed}."))
        .into_response()
}

/// The service is overloaded; no dependency is to blame, so the reply names no breaker.
fn crowded() -> Response {
    let message = "Too many requests are under way at the moment; please try again shortly.";
    Unavailable::new().retry_after(SHORTLY).message(message).into_response()
}

fn invalid(status: StatusCode, message: String) -> Response {
    ErrorReply::new(status, "invalid_request", message).into_response()
}

/// The breakers, and whether the database answers. The check goes through the database's breaker.
/// So a monitor with frequent checks closes the breaker again when there are no other calls.
fn health(service: Arc<CodeIndexingService>) -> HealthRouter {
    let ping = move || {
        let service = Arc::clone(&service);
        async move { service.database().ping().await }
    };
    health_router(Registry::global()).with_probe("database", ping).probe_timeout(PROBE_TIMEOUT)
}
