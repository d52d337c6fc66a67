//! Login: the token for a cookie, with which the page can act until it logs out.

use super::Dashboard;
use super::access::{Access, COOKIE, Caller};
use super::axum::Json;
use super::axum::extract::rejection::FormRejection;
use super::axum::extract::{Form, State};
use super::axum::http::request::Parts;
use super::axum::http::{HeaderValue, StatusCode, header, response};
use super::axum::response::{Html, IntoResponse, Response};
use super::reply::{self, Refused};
use serde_json::json;
use std::sync::Arc;

#[derive(serde::Deserialize)]
pub(crate) struct Login {
    token: String,
}

/// `POST /login`: `token=...` as a form sends it.
pub(crate) async fn login(
    State((dashboard, access)): State<(Arc<Dashboard>, Arc<Access>)>,
    parts: Parts,
    form: Result<Form<Login>, FormRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let begun = match form {
        Ok(Form(login)) => begin(&dashboard, &access, &caller, &login.token),
        Err(wrong) => Err(Refused::new(wrong.status(), "expected a form with the field `token`")),
    };
    match begun {
        Err(refused) if caller.wants_page() => page(refused.into_response().into_parts().0),
        Err(refused) => refused.into_response(),
        Ok(cookie) => {
            let mut there = reply::see_other("index.html");
            there.headers_mut().insert(header::SET_COOKIE, cookie);
            there
        }
    }
}

fn begin(dashboard: &Dashboard, access: &Access, caller: &Caller, token: &str) -> Result<HeaderValue, Refused> {
    dashboard.check_login(access, caller, token)?;
    let failed = || Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the system has no random numbers");
    let session = access.sessions.begin().map_err(|_| failed())?;
    dashboard.audit.done(&caller.shown(&format!("session {}", session.sign())), ("login", ""), "", "");
    cookie(access, &session.id, "").map_err(|_| failed())
}

/// Without a path the cookie is for where this router is, whatever address a browser sees it under.
fn cookie(access: &Access, id: &str, more: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let secure = if access.secure { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{COOKIE}={id}; HttpOnly; SameSite=Strict{secure}{more}"))
}

/// The refusal for somebody who sent the form without the page's script.
fn page(parts: response::Parts) -> Response {
    let words = match parts.status {
        StatusCode::UNAUTHORIZED => "The token is wrong.",
        StatusCode::FORBIDDEN => "The form came from another site.",
        StatusCode::TOO_MANY_REQUESTS => "Too many wrong tokens came from this address. Wait a little.",
        _ => "That was no login.",
    };
    let mut headers = parts.headers;
    headers.remove(header::CONTENT_TYPE);
    headers.remove(header::CONTENT_LENGTH);
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Not logged in</title><link rel=\"stylesheet\" \
         href=\"dashboard.css\"></head><body><p>{words}</p><p><a href=\"index.html\">Back to the dashboard</a></p></body></html>"
    );
    (parts.status, headers, Html(text)).into_response()
}

/// `POST /logout`: ends the session.
pub(crate) async fn logout(State((dashboard, access)): State<(Arc<Dashboard>, Arc<Access>)>, parts: Parts) -> Response {
    let caller = Caller::from(parts);
    let who = match dashboard.authorize(&access, &caller, "logout") {
        Ok(who) => who,
        Err(refused) => return refused.into_response(),
    };
    if let Some(session) = access.session(&caller) {
        access.sessions.end(&session.id);
        dashboard.audit.done(&who, ("logout", ""), "", "");
    }
    let gone = cookie(&access, "", "; Max-Age=0").ok();
    let mut there = reply::see_other("index.html");
    there.headers_mut().extend(gone.map(|gone| (header::SET_COOKIE, gone)));
    there
}

/// `GET /session`: what a request must bring along beside the cookie. Another site cannot read it.
pub(crate) async fn session(State((_, access)): State<(Arc<Dashboard>, Arc<Access>)>, parts: Parts) -> Response {
    let caller = Caller::from(parts);
    match access.session(&caller) {
        Some(session) => Json(json!({ "csrf": session.csrf })).into_response(),
        None => reply::error(StatusCode::UNAUTHORIZED, "log in first"),
    }
}
