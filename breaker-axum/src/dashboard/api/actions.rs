//! Actions: what a person can do to a breaker from the page: manual states, and other settings.

use super::Dashboard;
use super::access::{Access, Caller};
use super::axum::Json;
use super::axum::extract::State;
use super::axum::extract::rejection::JsonRejection;
use super::axum::http::StatusCode;
use super::axum::http::request::Parts;
use super::axum::response::{IntoResponse, Response};
use super::reply::Refused;
use super::shown::{cut, wire_name};
use breaker_core::{CircuitBreaker, Config, ConfigError, Settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest time for which somebody can have a breaker forced open: a year, in seconds.
const LONGEST: u64 = 365 * 24 * 3600;

/// What the routes of the actions share.
type Shared = State<(Arc<Dashboard>, Arc<Access>)>;

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
    State((dashboard, access)): Shared,
    parts: Parts,
    body: Result<Json<Action>, JsonRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let who = match dashboard.authorize(&access, &caller, "action") {
        Ok(who) => who,
        Err(refused) => return refused.into_response(),
    };
    let action = match body {
        Ok(Json(action)) => action,
        Err(wrong) => return dashboard.refuse_to(&who, ("action", ""), unreadable(&wrong)),
    };
    let words = action.words();
    match dashboard.act(&action) {
        Ok((name, before, after)) => {
            dashboard.audit.done(&who, (&words, &name), before, after);
            Json(json!({ "before": before, "after": after })).into_response()
        }
        Err(refused) => dashboard.refuse_to(&who, (&words, &cut(&action.name)), refused),
    }
}

impl Dashboard {
    /// Does it; gives the breaker's name, and its state before and after.
    fn act(&self, action: &Action) -> Result<(String, &'static str, &'static str), Refused> {
        let breaker = self.find(&action.name).ok_or_else(|| unknown(&action.name))?;
        let span = action.span()?;
        let before = breaker.state().as_str();
        action.action.run(&breaker, span);
        Ok((wire_name(breaker.name()).into_owned(), before, breaker.state().as_str()))
    }

    /// Writes down what somebody was refused who may act.
    fn refuse_to(&self, who: &str, what: (&str, &str), refused: Refused) -> Response {
        self.audit.refused(who, what, &refused.why);
        refused.into_response()
    }
}

impl Action {
    fn words(&self) -> String {
        let word = self.action.word();
        self.seconds.map_or_else(|| word.to_owned(), |seconds| format!("{word} {seconds}s"))
    }

    /// For how long, where that is said.
    fn span(&self) -> Result<Option<Duration>, Refused> {
        match self.seconds {
            None => Ok(None),
            Some(seconds @ 1..=LONGEST) if matches!(self.action, Kind::ForceOpen) => {
                Ok(Some(Duration::from_secs(seconds)))
            }
            Some(_) => {
                let why = format!("`seconds` goes with force_open only, and is 1 to {LONGEST}");
                Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, &why))
            }
        }
    }
}

impl Kind {
    fn run(self, breaker: &CircuitBreaker, span: Option<Duration>) {
        match (self, span) {
            (Self::ForceOpen, Some(span)) => breaker.force_open_for(span),
            (Self::ForceOpen, None) => breaker.force_open(),
            (Self::Disable, _) => breaker.disable(),
            (Self::Shadow, _) => breaker.shadow(),
            (Self::Release, _) => breaker.release(),
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    name: String,
    set: BTreeMap<String, String>,
    preview: bool,
}

#[derive(Serialize)]
struct Problem {
    key: String,
    message: String,
}

#[derive(Serialize)]
struct Difference {
    key: &'static str,
    before: String,
    after: String,
}

/// `POST /settings`.
pub(crate) async fn settings(
    State((dashboard, access)): Shared,
    parts: Parts,
    body: Result<Json<Change>, JsonRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let who = match dashboard.authorize(&access, &caller, "settings") {
        Ok(who) => who,
        Err(refused) => return refused.into_response(),
    };
    let change = match body {
        Ok(Json(change)) => change,
        Err(wrong) => return dashboard.refuse_to(&who, ("settings", ""), unreadable(&wrong)),
    };
    match dashboard.change(&change) {
        Ok((name, changes)) => {
            if !change.preview {
                let side = |of: fn(&Difference) -> &str| {
                    changes.iter().map(|change| format!("{} {}", change.key, of(change))).collect::<Vec<_>>().join(", ")
                };
                let (before, after) = (side(|change| &change.before), side(|change| &change.after));
                dashboard.audit.done(&who, ("settings", &name), &before, &after);
            }
            Json(json!({ "valid": true, "changes": changes })).into_response()
        }
        Err(refused) if change.preview => refused.into_response(),
        Err(refused) => dashboard.refuse_to(&who, ("settings", &cut(&change.name)), refused),
    }
}

impl Dashboard {
    /// Changes the settings, unless it is a preview; gives the breaker's name and what gets different.
    fn change(&self, change: &Change) -> Result<(String, Vec<Difference>), Refused> {
        let breaker = self.find(&change.name).ok_or_else(|| unknown(&change.name))?;
        let config = read(&change.set)?;
        let before = breaker.config();
        let after =
            breaker.preview(config).map_err(|errors| invalid(&errors.iter().map(Problem::of).collect::<Vec<_>>()))?;
        if !change.preview {
            breaker.reconfigure(config).map_err(|error| invalid(&[Problem::of(&error)]))?;
        }
        Ok((wire_name(breaker.name()).into_owned(), differences(&before, &after)))
    }
}

/// The settings that the texts say, or everything that is wrong with them.
fn read(set: &BTreeMap<String, String>) -> Result<Config, Refused> {
    let (mut config, mut problems) = (Config::new(), Vec::new());
    for (key, text) in set {
        match config.with_text(key, text) {
            Ok(with) => config = with,
            Err(error) => problems.push(Problem { key: cut(key), message: cut(error.message()) }),
        }
    }
    if set.is_empty() {
        problems.push(Problem { key: String::new(), message: "`set` names no key to change".to_owned() });
    }
    if problems.is_empty() { Ok(config) } else { Err(invalid(&problems)) }
}

impl Problem {
    /// Of a value that contradicts another one; the message begins with the key, in backticks.
    fn of(error: &ConfigError) -> Self {
        let key = error.message().split('`').nth(1).unwrap_or_default();
        Self { key: key.to_owned(), message: cut(error.message()) }
    }
}

fn differences(before: &Settings, after: &Settings) -> Vec<Difference> {
    let pairs = before.texts().into_iter().zip(after.texts());
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed.map(|((key, before), (_, after))| Difference { key, before, after }).collect()
}

fn invalid(problems: &[Problem]) -> Refused {
    let why = problems.iter().map(|problem| format!("{} {}", problem.key, problem.message)).collect::<Vec<_>>();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Refused::new(status, &cut(&why.join("; "))).with_body(status, Json(json!({ "valid": false, "problems": problems })))
}

fn unreadable(wrong: &JsonRejection) -> Refused {
    Refused::new(wrong.status(), &cut(&wrong.body_text()))
}

/// Of a name that no breaker has.
pub(crate) fn unknown(name: &str) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, &format!("no circuit breaker is named `{}`", cut(name)))
}
