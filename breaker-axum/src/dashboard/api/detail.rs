//! Detail: `GET /detail`, what is too much for the feed: all settings of one breaker with their sources, its call sites, its audit.

use super::Dashboard;
use super::access::Caller;
use super::actions::unknown;
use super::audit;
use super::axum::Json;
use super::axum::extract::rejection::QueryRejection;
use super::axum::extract::{Query, State};
use super::axum::http::request::Parts;
use super::axum::response::{IntoResponse, Response};
use super::reply;
use super::shown::{cut, wire_name};
use breaker_core::{CallSite, CircuitBreaker};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// So many call sites are shown.
const MOST_SITES: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Asked {
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
            function: site.function.as_deref().map(cut),
            place: cut(&site.place),
            timeout: site.timeout.map(|limit| format!("{limit:?}")),
            timeout_source: site.timeout_source.map(|source| cut(&source.to_string())),
        }
    }
}

pub(crate) async fn detail(
    State(dashboard): State<Arc<Dashboard>>,
    parts: Parts,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let name = match asked {
        Ok(Query(Asked { name })) => name,
        Err(wrong) => return reply::error(wrong.status(), "expected `detail?name=` with a breaker's name"),
    };
    let Some(breaker) = dashboard.find(&name) else { return unknown(&name).into_response() };
    let name = wire_name(breaker.name()).into_owned();
    // Who has acted is nobody's business who may not.
    let audit = if dashboard.actions(&caller) == "on" { dashboard.audit.of(&name) } else { Vec::new() };
    let (settings, call_sites) = (settings(&breaker), dashboard.call_sites(&breaker));
    Json(Detail { name, settings, call_sites, audit }).into_response()
}

fn settings(breaker: &CircuitBreaker) -> Vec<Setting> {
    let sources = breaker.config_sources();
    let source =
        |key: &str| sources.iter().find(|(known, _)| *known == key).map(|(_, source)| cut(&source.to_string()));
    let texts = breaker.config().texts().into_iter();
    texts.map(|(key, value)| Setting { key, value, source: source(key).unwrap_or_default() }).collect()
}

impl Dashboard {
    fn call_sites(&self, breaker: &CircuitBreaker) -> Vec<Site> {
        let head = breaker.head();
        let sites = self.registry.call_sites(head.as_ref().unwrap_or(breaker).name()).into_iter().take(MOST_SITES);
        sites.map(Site::from).collect()
    }
}
