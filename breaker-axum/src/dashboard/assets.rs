//! Assets: the page, as it is embedded in the program. Nothing is fetched from elsewhere, and nothing is built.

use super::axum::extract::{OriginalUri, Path};
use super::axum::http::{HeaderMap, StatusCode, header};
use super::axum::response::{IntoResponse, Response};
use super::response as reply;
use std::hash::{DefaultHasher, Hash, Hasher};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A script of the page, by its name without the ending.
macro_rules! script {
    ($name:literal) => {
        (concat!($name, ".js"), SCRIPT, include_str!(concat!("page/", $name, ".js")))
    };
}

/// The page's files by name.
const FILES: &[(&str, &str, &str)] = &[
    ("index.html", HTML, include_str!("page/index.html")),
    ("dashboard.css", CSS, include_str!("page/dashboard.css")),
    ("detail.css", CSS, include_str!("page/detail.css")),
    script!("actions"),
    script!("charts"),
    script!("dashboard"),
    script!("detail"),
    script!("elements"),
    script!("event_source"),
    script!("icons"),
    script!("list"),
    script!("login"),
    script!("overview"),
    script!("url_state"),
    script!("row"),
    script!("session"),
    script!("settings"),
    script!("store"),
    script!("theme"),
    script!("labels"),
];

/// The page at the router's own address; without a slash at its end a browser is sent to `NAME/index.html`, so that all relative addresses
/// of the page lead below the router. (A nested router has no address with the slash.)
pub(super) async fn home(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    match uri.path().rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => reply::see_other(&format!("./{last}/index.html")),
        _ => file(Path("index.html".to_owned()), headers).await,
    }
}

pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return reply::not_found("there is no such file");
    };
    let tag = tag(text);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == tag.as_bytes());
    match known {
        true => (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response(),
        false => ([(header::CONTENT_TYPE, (*kind).to_owned()), (header::ETAG, tag)], *text).into_response(),
    }
}

/// Whatever else is asked of a name, be it an action where there is no token.
pub(super) async fn nothing() -> Response {
    reply::not_found("there is nothing of this name")
}

/// Changes with the text.
fn tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}
