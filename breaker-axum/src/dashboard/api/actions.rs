//! Changes manual states and settings of a breaker.

use super::access::Access;
use super::axum::Json;
use super::axum::extract::State;
use super::axum::extract::rejection::JsonRejection;
use super::axum::http::StatusCode;
use super::axum::http::request::Parts;
use super::axum::response::{IntoResponse, Response};
use super::broadcast::Broadcast;
use super::caller::Caller;
use super::response::Refusal;
use super::text::{truncated, wire_name};
use breaker_core::{CircuitBreaker, Config, ConfigError, Settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest time of a forced open period: a year, in seconds.
const MAX_SECONDS: u64 = 365 * 24 * 3600;

/// What the routes share.
pub(crate) struct Actions {
    pub(crate) broadcast: Arc<Broadcast>,
    pub(crate) access: Arc<Access>,
}

/// The body of `POST /action`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    name: String,
    action: Kind,
    seconds: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    ForceOpen,
    Disable,
    Shadow,
    Release,
    Reset,
    Trip,
    HalfOpen,
}

/// `POST /action`.
pub(crate) async fn action(
    State(routes): State<Arc<Actions>>,
    parts: Parts,
    body: Result<Json<Action>, JsonRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let who = match routes.access.authorize(&caller, "action") {
        Ok(who) => who,
        Err(refusal) => return refusal.into_response(),
    };
    let action = match body {
        Ok(Json(action)) => action,
        Err(rejection) => return routes.refuse(&who, ("action", ""), unreadable(&rejection)),
    };
    let description = action.describe();
    match routes.act(&action) {
        Ok((name, before, after)) => {
            routes.access.audit.record_action(&who, (&description, &name), before, after);
            Json(json!({ "before": before, "after": after })).into_response()
        }
        Err(refusal) => routes.refuse(&who, (&description, &truncated(&action.name)), refusal),
    }
}

impl Actions {
    /// Performs an action. Returns the breaker's name, and its states before and after.
    fn act(&self, action: &Action) -> Result<(String, &'static str, &'static str), Refusal> {
        let breaker = self.broadcast.find(&action.name).ok_or_else(|| unknown(&action.name))?;
        let duration = action.duration()?;
        let before = breaker.state().as_str();
        action.action.run(&breaker, duration);
        Ok((wire_name(breaker.name()).into_owned(), before, breaker.state().as_str()))
    }

    /// Refuses a caller that may act, and records it.
    fn refuse(&self, who: &str, what: (&str, &str), refusal: Refusal) -> Response {
        self.access.audit.record_refusal(who, what, &refusal.reason);
        refusal.into_response()
    }
}

impl Action {
    /// The action with its time, for the audit.
    fn describe(&self) -> String {
        let word = self.action.word();
        self.seconds.map_or_else(|| word.to_owned(), |seconds| format!("{word} {seconds}s"))
    }

    /// The time of a forced open period, if one was given.
    fn duration(&self) -> Result<Option<Duration>, Refusal> {
        match self.seconds {
            None => Ok(None),
            Some(seconds @ 1..=MAX_SECONDS) if matches!(self.action, Kind::ForceOpen) => {
                Ok(Some(Duration::from_secs(seconds)))
            }
            Some(_) => {
                let reason = format!("`seconds` is for force_open only, from 1 to {MAX_SECONDS}");
                Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &reason))
            }
        }
    }
}

impl Kind {
    fn run(self, breaker: &CircuitBreaker, duration: Option<Duration>) {
        match (self, duration) {
            (Self::ForceOpen, Some(duration)) => breaker.force_open_for(duration),
            (Self::ForceOpen, None) => breaker.force_open(),
            (Self::Disable, _) => breaker.disable(),
            (Self::Shadow, _) => breaker.shadow(),
            (Self::Release, _) => breaker.clear_override(),
            (Self::Reset, _) => breaker.reset(),
            (Self::Trip, _) => breaker.trip(),
            (Self::HalfOpen, _) => breaker.half_open(),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::ForceOpen => "force_open",
            Self::Disable => "disable",
            Self::Shadow => "shadow",
            Self::Release => "release",
            Self::Reset => "reset",
            Self::Trip => "trip",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The body of `POST /settings`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    name: String,
    set: BTreeMap<String, String>,
    preview: bool,
}

/// An error of one setting.
#[derive(Serialize)]
struct Problem {
    key: String,
    message: String,
}

/// A setting that a change makes different.
#[derive(Serialize)]
struct Difference {
    key: &'static str,
    before: String,
    after: String,
}

/// `POST /settings`.
pub(crate) async fn settings(
    State(routes): State<Arc<Actions>>,
    parts: Parts,
    body: Result<Json<Change>, JsonRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let who = match routes.access.authorize(&caller, "settings") {
        Ok(who) => who,
        Err(refusal) => return refusal.into_response(),
    };
    let change = match body {
        Ok(Json(change)) => change,
        Err(rejection) => return routes.refuse(&who, ("settings", ""), unreadable(&rejection)),
    };
    match routes.change(&change) {
        Ok((name, changes)) => {
            if !change.preview {
                let side = |of: fn(&Difference) -> &str| {
                    changes.iter().map(|change| format!("{} {}", change.key, of(change))).collect::<Vec<_>>().join(", ")
                };
                let (before, after) = (side(|change| &change.before), side(|change| &change.after));
                routes.access.audit.record_action(&who, ("settings", &name), &before, &after);
            }
            Json(json!({ "valid": true, "changes": changes })).into_response()
        }
        Err(refusal) if change.preview => refusal.into_response(),
        Err(refusal) => routes.refuse(&who, ("settings", &truncated(&change.name)), refusal),
    }
}

impl Actions {
    /// Changes the settings, unless it is a preview. Returns the breaker's name and the
    /// differences.
    fn change(&self, change: &Change) -> Result<(String, Vec<Difference>), Refusal> {
        let breaker = self.broadcast.find(&change.name).ok_or_else(|| unknown(&change.name))?;
        let config = read(&change.set)?;
        let before = breaker.settings();
        let after =
            breaker.preview(config).map_err(|errors| invalid(&errors.iter().map(Problem::new).collect::<Vec<_>>()))?;
        if !change.preview {
            breaker.reconfigure(config).map_err(|error| invalid(&[Problem::new(&error)]))?;
        }
        Ok((wire_name(breaker.name()).into_owned(), differences(&before, &after)))
    }
}

/// Parses the settings, or returns all errors in them.
fn read(set: &BTreeMap<String, String>) -> Result<Config, Refusal> {
    let (mut config, mut problems) = (Config::new(), Vec::new());
    for (key, text) in set {
        match config.with_str(key, text) {
            Ok(with) => config = with,
            Err(error) => problems.push(Problem { key: truncated(key), message: truncated(error.message()) }),
        }
    }
    if set.is_empty() {
        problems.push(Problem { key: String::new(), message: "`set` names no key to change".to_owned() });
    }
    if problems.is_empty() { Ok(config) } else { Err(invalid(&problems)) }
}

impl Problem {
    /// The problem of an error whose message begins with the name of the setting, in backticks.
    fn new(error: &ConfigError) -> Self {
        let key = error.message().split('`').nth(1).unwrap_or_default();
        Self { key: key.to_owned(), message: truncated(error.message()) }
    }
}

fn differences(before: &Settings, after: &Settings) -> Vec<Difference> {
    let pairs = before.to_strings().into_iter().zip(after.to_strings());
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed.map(|((key, before), (_, after))| Difference { key, before, after }).collect()
}

fn invalid(problems: &[Problem]) -> Refusal {
    let reasons = problems.iter().map(|problem| format!("{} {}", problem.key, problem.message)).collect::<Vec<_>>();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Refusal::new(status, &truncated(&reasons.join("; ")))
        .with_body(status, Json(json!({ "valid": false, "problems": problems })))
}

fn unreadable(rejection: &JsonRejection) -> Refusal {
    Refusal::new(rejection.status(), &truncated(&rejection.body_text()))
}

/// The refusal for a name that no breaker has.
pub(crate) fn unknown(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, &format!("no circuit breaker is named `{}`", truncated(name)))
}
