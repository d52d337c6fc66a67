//! Serves `GET /detail`: the settings of a breaker with their sources, its call sites and its
//! audit.

use super::access::{Access, permission};
use super::actions::unknown;
use super::audit::{self, Audit};
use super::axum::Json;
use super::axum::extract::rejection::QueryRejection;
use super::axum::extract::{Query, State};
use super::axum::http::request::Parts;
use super::axum::response::{IntoResponse, Response};
use super::broadcast::Broadcast;
use super::caller::Caller;
use super::response;
use super::text::{truncated, wire_name};
use breaker_core::{CallSite, CircuitBreaker, Registry};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many call sites are shown.
const MAX_CALL_SITES: usize = 200;

/// What the route shares.
pub(crate) struct Details {
    pub(crate) registry: &'static Registry,
    pub(crate) broadcast: Arc<Broadcast>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) access: Option<Arc<Access>>,
}

/// The query of the request.
#[derive(Deserialize)]
pub(crate) struct Request {
    name: String,
}

#[derive(Serialize)]
struct Detail {
    name: String,
    settings: Vec<Setting>,
    call_sites: Vec<Site>,
    audit: Vec<audit::Entry>,
}

#[derive(Serialize)]
struct Setting {
    key: &'static str,
    value: String,
    source: String,
}

#[derive(Serialize)]
struct Site {
    function: Option<String>,
    place: String,
    /// The time limit of its calls, as `500ms`.
    timeout: Option<String>,
    timeout_source: Option<String>,
}

impl From<CallSite> for Site {
    fn from(site: CallSite) -> Self {
        Self {
            function: site.function.as_deref().map(truncated),
            place: truncated(&site.location),
            timeout: site.timeout.map(|limit| format!("{limit:?}")),
            timeout_source: site.timeout_source.map(|source| truncated(&source.to_string())),
        }
    }
}

/// `GET /detail?name=`.
pub(crate) async fn detail(
    State(details): State<Arc<Details>>,
    parts: Parts,
    request: Result<Query<Request>, QueryRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let name = match request {
        Ok(Query(Request { name })) => name,
        Err(rejection) => return response::error(rejection.status(), "expected `detail?name=` with a breaker's name"),
    };
    let Some(breaker) = details.broadcast.find(&name) else { return unknown(&name).into_response() };
    let name = wire_name(breaker.name()).into_owned();
    // Only callers that may act see who has acted.
    let may_act = permission(details.access.as_deref(), &caller) == "on";
    let audit = if may_act { details.audit.entries_of(&name) } else { Vec::new() };
    let (settings, call_sites) = (settings(&breaker), details.call_sites(&breaker));
    Json(Detail { name, settings, call_sites, audit }).into_response()
}

fn settings(breaker: &CircuitBreaker) -> Vec<Setting> {
    let sources = breaker.setting_sources();
    let source =
        |key: &str| sources.iter().find(|(known, _)| *known == key).map(|(_, source)| truncated(&source.to_string()));
    let texts = breaker.settings().to_strings().into_iter();
    texts.map(|(key, value)| Setting { key, value, source: source(key).unwrap_or_default() }).collect()
}

impl Details {
    fn call_sites(&self, breaker: &CircuitBreaker) -> Vec<Site> {
        let parent = breaker.parent();
        let sites =
            self.registry.call_sites(parent.as_ref().unwrap_or(breaker).name()).into_iter().take(MAX_CALL_SITES);
        sites.map(Site::from).collect()
    }
}
