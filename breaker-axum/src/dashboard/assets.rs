//! Serves the files of the page, which are part of the program.

use super::axum::extract::{OriginalUri, Path};
use super::axum::http::{HeaderMap, StatusCode, header};
use super::axum::response::{IntoResponse, Response};
use super::response;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A script of the page, by its name without the ending.
macro_rules! script {
    ($name:literal) => {
        (concat!($name, ".js"), SCRIPT, include_str!(concat!("page/", $name, ".js")))
    };
}

/// The files of the page: name, content type and text.
const FILES: [(&str, &str, &str); 21] = [
    ("index.html", HTML, include_str!("page/index.html")),
    ("dashboard.css", CSS, include_str!("page/dashboard.css")),
    ("detail.css", CSS, include_str!("page/detail.css")),
    script!("actions"),
    script!("charts"),
    script!("dashboard"),
    script!("detail"),
    script!("elements"),
    script!("event_source"),
    script!("htm-preact"),
    script!("icons"),
    script!("labels"),
    script!("list"),
    script!("login"),
    script!("overview"),
    script!("row"),
    script!("session"),
    script!("settings"),
    script!("store"),
    script!("theme"),
    script!("url_state"),
];

/// The `ETag` of each file: a hash of its text.
static TAGS: LazyLock<[String; FILES.len()]> = LazyLock::new(|| FILES.map(|(_, _, text)| tag(text)));

/// `GET /`: the page.
///
/// Without a slash at the end of the address, this redirects to `NAME/index.html`. The relative
/// addresses of the page then lead below the router. (A nested router has no address with that
/// slash.)
pub(super) async fn home(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    match uri.path().rsplit_once('/') {
        Some((_, last)) if !last.is_empty() => response::see_other(&format!("./{last}/index.html")),
        _ => file(Path("index.html".to_owned()), headers).await,
    }
}

/// `GET /{file}`: a file of the page.
pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let mut files = FILES.iter().zip(&*TAGS);
    let Some(((_, kind, text), tag)) = files.find(|((known, ..), _)| *known == name) else {
        return response::not_found("there is no such file");
    };
    let tag_header = [(header::ETAG, tag.as_str())];
    let unchanged = headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == tag.as_bytes());
    match unchanged {
        true => (StatusCode::NOT_MODIFIED, tag_header).into_response(),
        false => ([(header::CONTENT_TYPE, *kind)], tag_header, *text).into_response(),
    }
}

/// The response to every other method, also to actions where no token is set.
pub(super) async fn nothing() -> Response {
    response::not_found("there is nothing of this name")
}

fn tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and errors are untrusted text. Preact makes text nodes of them, unless a script says
    /// otherwise.
    #[test]
    fn no_script_of_the_page_parses_text_as_html() {
        let own = FILES.iter().filter(|(name, kind, _)| *kind == SCRIPT && *name != "htm-preact.js");
        for (name, _, text) in own {
            for word in ["innerHTML", "InnerHTML", "outerHTML", "AdjacentHTML", "document.write", "DOMParser", "eval("]
            {
                assert!(!text.contains(word), "{name} has {word}");
            }
        }
    }
}
