//! Reports the health of every breaker, and whether the providers' settings work.
//!
//! A breaker cannot tell wrong settings from an outage.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use breaker_axum::{ErrorReply, health_router};
use breaker_core::{Registry, Snapshot, Status};
use serde::Serialize;

use super::{error::Fault, service::Assistant};

/// The reply of `GET /health/circuit-breaker`.
#[derive(Serialize)]
struct Shown {
    /// `degraded` while the breaker is not closed, or the settings of a provider do not work.
    status: Status,
    providers: Vec<Provider>,
    /// The breaker of the first provider.
    #[serde(flatten)]
    breaker: Snapshot,
}

#[derive(Serialize)]
struct Provider {
    /// `HOST/MODEL`.
    name: String,
    /// Why it rejects all requests until its settings change, in its own words.
    misconfigured: Option<Words>,
}

#[derive(Serialize)]
struct Words {
    status: u16,
    message: String,
}

/// The health routes of the service: those of the breakers, and `GET /health/circuit-breaker`.
pub fn routes(assistant: Arc<Assistant>) -> Router {
    let asked = Arc::clone(&assistant);
    let health = health_router(Registry::global()).with_probe("configuration", move || {
        let faults = faults(&asked);
        async move { if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) } }
    });
    Router::new().route("/health/circuit-breaker", get(circuit_breaker)).with_state(assistant).merge(health)
}

fn faults(assistant: &Assistant) -> Vec<String> {
    let providers = assistant.generator().into_iter().flat_map(|generator| generator.providers());
    providers.filter_map(|one| Some(format!("{}: {}", one.key(), one.standing().fault()?))).collect()
}

async fn circuit_breaker(Shared(assistant): Shared<Arc<Assistant>>) -> Response {
    let Some(breaker) = assistant.breaker().map(|breaker| breaker.snapshot()) else {
        return ErrorReply::new(StatusCode::NOT_FOUND, "not_found", "The breaker is not registered.").into_response();
    };
    let providers = assistant.generator().into_iter().flat_map(|generator| generator.providers());
    let words = |Fault { status, message, .. }| Words { status, message };
    let providers: Vec<_> = providers
        .map(|one| Provider { name: one.key().to_owned(), misconfigured: one.standing().fault().map(words) })
        .collect();
    let works = breaker.healthy && providers.iter().all(|one| one.misconfigured.is_none());
    let status = if works { Status::Healthy } else { Status::Degraded };
    Json(Shown { status, providers, breaker }).into_response()
}
