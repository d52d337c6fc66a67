//! Exchanges the token for a cookie, and ends sessions.

use super::access::Access;
use super::axum::Json;
use super::axum::extract::rejection::FormRejection;
use super::axum::extract::{Form, State};
use super::axum::http::request::Parts;
use super::axum::http::response::Parts as ResponseParts;
use super::axum::http::{HeaderValue, StatusCode, header};
use super::axum::response::{Html, IntoResponse, Response};
use super::caller::{COOKIE, Caller};
use super::response::{self, Refusal};
use serde_json::json;
use std::sync::Arc;

/// The form of a login.
#[derive(serde::Deserialize)]
pub(crate) struct Login {
    token: String,
}

/// `POST /login`: starts a session for a form with the field `token`.
pub(crate) async fn login(
    State(access): State<Arc<Access>>,
    parts: Parts,
    form: Result<Form<Login>, FormRejection>,
) -> Response {
    let caller = Caller::from(parts);
    let started = match form {
        Ok(Form(login)) => start(&access, &caller, &login.token),
        Err(wrong) => Err(Refusal::new(wrong.status(), "expected a form with the field `token`")),
    };
    match started {
        Err(refused) if caller.wants_page() => page(refused.into_response().into_parts().0),
        Err(refused) => refused.into_response(),
        Ok(cookie) => {
            let mut home = response::see_other("index.html");
            home.headers_mut().insert(header::SET_COOKIE, cookie);
            home
        }
    }
}

fn start(access: &Access, caller: &Caller, token: &str) -> Result<HeaderValue, Refusal> {
    access.check_login(caller, token)?;
    let failed = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the system gave no random numbers");
    let session = access.sessions.start().map_err(|_| failed())?;
    let who = caller.describe(&format!("session {}", session.short_id()));
    access.audit.record_action(&who, ("login", ""), "", "");
    cookie(access, &session.id, "").map_err(|_| failed())
}

/// The `Set-Cookie` of a session. Without a path the cookie is for this router, wherever it is
/// nested.
fn cookie(access: &Access, id: &str, more: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let secure = if access.secure_cookie { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{COOKIE}={id}; HttpOnly; SameSite=Strict{secure}{more}"))
}

/// The refusal as a page, for a form that was sent without the page's script.
fn page(parts: ResponseParts) -> Response {
    let message = match parts.status {
        StatusCode::UNAUTHORIZED => "The token is wrong.",
        StatusCode::FORBIDDEN => "The form came from another site.",
        StatusCode::TOO_MANY_REQUESTS => "Too many wrong tokens came from this address. Wait a little.",
        _ => "The login failed.",
    };
    let mut headers = parts.headers;
    headers.remove(header::CONTENT_TYPE);
    headers.remove(header::CONTENT_LENGTH);
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Not logged in</title><link rel=\"stylesheet\" \
         href=\"dashboard.css\"></head><body><p>{message}</p><p><a href=\"index.html\">Back to the dashboard</a></p></body></html>"
    );
    (parts.status, headers, Html(text)).into_response()
}

/// `POST /logout`: ends the session.
pub(crate) async fn logout(State(access): State<Arc<Access>>, parts: Parts) -> Response {
    let caller = Caller::from(parts);
    let who = match access.authorize(&caller, "logout") {
        Ok(who) => who,
        Err(refused) => return refused.into_response(),
    };
    if let Some(session) = access.session(&caller) {
        access.sessions.end(&session.id);
        access.audit.record_action(&who, ("logout", ""), "", "");
    }
    let expired = cookie(&access, "", "; Max-Age=0").ok();
    let mut home = response::see_other("index.html");
    home.headers_mut().extend(expired.map(|cookie| (header::SET_COOKIE, cookie)));
    home
}

/// `GET /session`: what an action needs beside the cookie. Another site cannot read it.
pub(crate) async fn session(State(access): State<Arc<Access>>, parts: Parts) -> Response {
    let caller = Caller::from(parts);
    match access.session(&caller) {
        Some(session) => Json(json!({ "csrf": session.csrf })).into_response(),
        None => response::error(StatusCode::UNAUTHORIZED, "log in first"),
    }
}
