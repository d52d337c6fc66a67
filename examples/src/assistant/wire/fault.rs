//! Reads an API's errors in all their formats, and decides what they mean.

use std::{fmt, time::Duration};

use reqwest::StatusCode;
use serde_json::Value;

use crate::assistant::error::{Fault, GenerationError};

/// The most characters of an error's text that are kept.
const MAX_MESSAGE_CHARS: usize = 200;

const NO_WORDS: &str = "no reason given";

/// OpenAI's code in a 429 for an account without credit.
const QUOTA: &str = "insufficient_quota";

/// An error as an API words it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its message; empty where there is none.
    pub message: String,
    names: Vec<String>,
    /// The status that the error itself names.
    pub status: Option<u16>,
    /// When it expects its model to be loaded.
    wait: Option<Duration>,
}

impl Told {
    /// Reads the body of an error: JSON of OpenAI, TGI, FastAPI and similar ones, plain text, or
    /// HTML.
    #[must_use]
    pub fn read(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => Self::of(&value),
            Err(_) => Self::saying(plain(body).trim()),
        }
    }

    /// An error with only this message.
    #[must_use]
    pub fn saying(words: &str) -> Self {
        Self { message: words.to_owned(), ..Self::default() }
    }

    /// The kinds and codes that it names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads such a JSON value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let error = value.get("error").filter(|error| !error.is_null());
        // Old versions of vLLM have all fields at the top level.
        let inner = error.filter(|error| error.is_object()).unwrap_or(value);
        let message = [error, inner.get("message"), value.get("message"), value.get("detail"), Some(value)];
        let message = message.into_iter().flatten().find_map(words).unwrap_or_default();
        let code = inner.get("code");
        let names = [inner.get("type"), inner.get("error_type"), value.get("error_type"), code];
        Self {
            message: message.trim().to_owned(),
            names: names.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
            status: code.and_then(status),
            wait: value.get("estimated_time").and_then(|seconds| Duration::try_from_secs_f64(seconds.as_f64()?).ok()),
        }
    }

    /// The meaning of an answer with this status that asks for the next call after `wait`.
    #[must_use]
    pub fn sort(self, status: u16, wait: Option<Duration>) -> GenerationError {
        let is_quota = self.names.iter().any(|name| name == QUOTA);
        let retry_after = wait.or(self.wait);
        let message = if self.message.is_empty() { reason(status) } else { self.message };
        match status {
            429 if is_quota => GenerationError::Misconfigured(Fault { status, message, retry_after: None }),
            300..=399 | 401..=407 | 410 | 415 | 426 => {
                GenerationError::Misconfigured(Fault { status, message, retry_after: None })
            }
            408 | 409 | 424 | 425 | 429 => GenerationError::Http(Fault { status, message, retry_after }),
            400..=499 => GenerationError::Refused(Fault { status, message, retry_after: None }),
            503 if message.to_lowercase().contains("loading") => GenerationError::ModelLoad { message, retry_after },
            _ => GenerationError::Http(Fault { status, message, retry_after }),
        }
    }

    /// Its meaning within a 200: by its own code or name, and a failure otherwise.
    #[must_use]
    pub fn sort_within(self, wait: Option<Duration>) -> GenerationError {
        let by_name = || self.names.iter().find_map(|name| status_of(name));
        let status = self.status.or_else(by_name).unwrap_or(200);
        self.sort(status, wait)
    }
}

/// Its status, or otherwise its first name, and the message, in at most 200 characters each.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code =
            self.status.map(|status| status.to_string()).or_else(|| self.names.first().map(|name| shorten(name)));
        let words = if self.message.is_empty() { NO_WORDS.to_owned() } else { shorten(&self.message) };
        match code {
            Some(code) => write!(f, "{code}: {words}"),
            None => f.write_str(&words),
        }
    }
}

/// The status for an error of this name, of OpenAI, TGI and llama.cpp.
fn status_of(name: &str) -> Option<u16> {
    Some(match name {
        "invalid_request_error" | "context_length_exceeded" | "exceed_context_size_error" => 400,
        "authentication_error" | "invalid_api_key" => 401,
        "permission_error" => 403,
        "not_found_error" | "model_not_found" => 404,
        "validation" => 422,
        "generation" => 424,
        "overloaded" | "rate_limit_error" | "rate_limit_exceeded" | QUOTA => 429,
        "unavailable_error" | "overloaded_error" => 503,
        _ => return None,
    })
}

/// A status as a number or as digits; other codes are names.
fn status(code: &Value) -> Option<u16> {
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..=599).contains(status))
}

/// The message of an error: a text, the text of an object, or those of a list of either.
fn words(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().filter_map(words).collect::<Vec<_>>().join("; "),
        Value::Object(object) => object.get("message").or_else(|| object.get("msg")).and_then(words)?,
        _ => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

/// The message of a body that is not JSON: of HTML its title.
fn plain(body: &str) -> String {
    if !body.trim_start().starts_with('<') {
        return body.to_owned();
    }
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title>").map(|at| at + "<title>".len());
    let title = title.and_then(|from| body.get(from..from + lower.get(from..)?.find('<')?));
    title.map_or_else(|| "an HTML page".to_owned(), |title| format!("an HTML page: {}", shorten(title)))
}

/// One line of at most 200 characters.
#[must_use]
pub fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect()
}

fn reason(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok().filter(|status| !status.is_success());
    known.and_then(|status| status.canonical_reason()).unwrap_or(NO_WORDS).to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, GenerationError, Told, shorten};

    #[test]
    fn the_words_of_each_form_are_found() {
        for (body, words) in [
            (r#"{"error": "overloaded", "error_type": "overloaded"}"#, "overloaded"),
            (
                r#"{"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}"#,
                "Invalid API Key",
            ),
            (r#"{"error": ["one", {"message": "two"}]}"#, "one; two"),
            (r#"{"detail": "Unexpected fields"}"#, "Unexpected fields"),
            (r#"{"detail": [{"loc": ["body"], "msg": "Field required"}, "too"]}"#, "Field required; too"),
            (r#"{"object": "error", "message": "no such model", "code": 404}"#, "no such model"),
            (r#"{"error": null, "message": "odd"}"#, "odd"),
            (r#""a text""#, "a text"),
            ("Internal Server Error\n", "Internal Server Error"),
            ("<!DOCTYPE html><HTML><head><Title> 502 Bad\nGateway</title>", "an HTML page: 502 Bad Gateway"),
            ("<p>Hello", "an HTML page"),
            (r#"{"other": 1}"#, ""),
            ("", ""),
        ] {
            assert_eq!(Told::read(body).message, words, "{body}");
        }
        assert_eq!(shorten(&"long\n".repeat(100)).chars().count(), 200);
        assert_eq!(shorten("two\n\u{1b}lines"), "two lines");
    }

    #[test]
    fn a_code_is_a_status_as_a_number_or_as_digits() {
        let code = |code: &str| Told::read(&format!(r#"{{"error": {{"message": "x", "code": {code}}}}}"#)).status;
        assert_eq!((code("503"), code("\"408\""), code("\"insufficient_quota\"")), (Some(503), Some(408), None));
        assert_eq!((code("200"), code("null"), code("7000000")), (None, None, None));
    }

    #[test]
    fn a_model_that_loads_says_for_how_long() {
        let told = Told::read(r#"{"error": "Model m is currently loading", "estimated_time": 20.5}"#);
        let GenerationError::ModelLoad { retry_after, .. } = told.sort(503, None) else { panic!("it loads") };
        assert_eq!(retry_after, Some(Duration::from_millis(20_500)));
    }

    #[test]
    fn without_words_the_status_speaks() {
        let GenerationError::Http(Fault { message, .. }) = Told::read("{}").sort(502, None) else {
            panic!("a failure")
        };
        assert_eq!(message, "Bad Gateway");
    }
}
