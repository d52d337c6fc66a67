//! Reads what an upstream says of its failure in a stream.

use std::fmt;

use serde_json::Value;

/// How much of an upstream's text is kept.
const MAX_CHARS: usize = 200;

/// An error event of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// The HTTP status that the event names as its code, in whichever form; `None` if it names none.
    pub status: Option<u16>,
    /// Its word for the kind of error: `type`, `error_type`, or a `code` that is no number.
    pub kind: Option<String>,
    /// Its words, at most 200 characters of them.
    pub message: String,
}

impl UpstreamError {
    /// The error in an object that has an `error`, or is one itself.
    pub(super) fn of(value: &Value) -> Self {
        let inner = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let field =
            |name| [inner, value].into_iter().find_map(|object| object.get(name).filter(|field| !field.is_null()));
        let code = field("code").map(as_text);
        let status = code.as_ref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status));
        let word = code.filter(|code| code.parse::<f64>().is_err());
        let kind = field("type").or_else(|| field("error_type")).map(as_text).or(word);
        let message =
            inner.as_str().map(str::to_owned).or_else(|| field("message").or_else(|| field("detail")).map(as_text));
        Self {
            status,
            kind: kind.map(|kind| shorten(&kind)),
            message: shorten(&message.unwrap_or_else(|| as_text(inner))),
        }
    }

    /// One that is no JSON.
    pub(super) fn of_text(text: &str) -> Self {
        Self { status: None, kind: None, message: shorten(text) }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.status.map(|status| status.to_string()).or_else(|| self.kind.clone());
        match code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}
