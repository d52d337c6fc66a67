//! Tests errors that an upstream sends in its stream, after a head with a good status.

use breaker_examples::assistant::{
    tokens::{StreamError, decode},
    wire::fault::Told,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::common::{HELLO, ROLE, body, events, seen};

fn error(text: &str) -> Told {
    let mut tokens = decode(body(vec![Bytes::copy_from_slice(text.as_bytes())], None));
    match tokens.next().now_or_never().unwrap() {
        Some(Err(StreamError::Upstream(error))) => error,
        other => panic!("{text}: {other:?}"),
    }
}

/// The content of an error: its status, its kind, its words.
type Words = (Option<u16>, Option<String>, String);

fn words(error: &Told) -> Words {
    // A code in digits is the status.
    let kind = error.names().iter().find(|name| name.parse::<f64>().is_err());
    (error.status, kind.cloned(), error.message.clone())
}

fn is(status: Option<u16>, kind: Option<&str>, message: &str) -> Words {
    (status, kind.map(str::to_owned), message.to_owned())
}

#[test]
fn each_upstreams_error_is_read() {
    for (from, data, expected) in [
        (
            "llama.cpp",
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            is(Some(503), Some("unavailable_error"), "Loading model"),
        ),
        (
            "LiteLLM",
            r#"{"error": {"message": "Connection error.", "type": null, "param": null, "code": "500"}}"#,
            is(Some(500), None, "Connection error."),
        ),
        (
            "LiteLLM, its own time limit",
            r#"{"error":{"message":"Timed out","type":"invalid_request_error","code":"408"}}"#,
            is(Some(408), Some("invalid_request_error"), "Timed out"),
        ),
        (
            "transformers serve",
            r#"{"error": "index out of range in self"}"#,
            is(None, None, "index out of range in self"),
        ),
        (
            "TGI",
            r#"{"error":"Request failed during generation","error_type":"generation"}"#,
            is(None, Some("generation"), "Request failed during generation"),
        ),
        (
            "vLLM",
            r#"{"object":"error","message":"EngineCore is dead","type":"InternalServerError","code":500}"#,
            is(Some(500), Some("InternalServerError"), "EngineCore is dead"),
        ),
        (
            "OpenRouter",
            r#"{"error":{"code":502,"message":"down"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            is(Some(502), None, "down"),
        ),
        (
            "OpenRouter, in the choice",
            r#"{"choices":[{"error":{"code":502,"message":"down"},"delta":{},"finish_reason":"error"}]}"#,
            is(Some(502), None, "down"),
        ),
        (
            "OpenAI",
            r#"{"error":{"message":"Quota","type":null,"code":"insufficient_quota"}}"#,
            is(None, Some("insufficient_quota"), "Quota"),
        ),
    ] {
        assert_eq!(words(&error(&events([data]))), expected, "{from}");
    }
}

#[test]
fn an_event_of_that_name_is_an_error_whatever_its_data() {
    for (data, expected) in [
        (r#"{"message":"overloaded"}"#, is(None, None, "overloaded")),
        (r#"{"message":"overloaded","code":529}"#, is(Some(529), None, "overloaded")),
        (
            r#"{"error":{"message":"overloaded","type":"overloaded_error"}}"#,
            is(None, Some("overloaded_error"), "overloaded"),
        ),
        ("out of memory", is(None, None, "out of memory")),
        ("", is(None, None, "")),
        ("[DONE]", is(None, None, "[DONE]")),
    ] {
        assert_eq!(words(&error(&format!("event: error\ndata: {data}\n\n"))), expected);
        assert_eq!(words(&error(&format!("data: {data}\r\nevent: error\r\n\r\n"))), expected);
    }
}

#[test]
fn an_error_after_tokens_comes_after_them() {
    let text = events([ROLE, HELLO, r#"{"error":{"message":"gone","code":500}}"#, HELLO]);
    assert_eq!(seen(&text), r#""Hello" upstream!(500: gone)"#);
    let text = format!("{}event: error\ndata: {{\"message\":\"gone\"}}\n\n", events([HELLO]));
    assert_eq!(seen(&text), r#""Hello" upstream!(gone)"#);
}

#[test]
fn the_finish_reason_error_is_an_error() {
    let end = r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#;
    assert_eq!(seen(&events([HELLO, end])), r#""Hello" upstream!(finish reason `error`)"#);
}

#[test]
fn a_field_without_an_error_is_none() {
    let chunk = r#"{"error":null,"choices":[{"delta":{"content":"Hello"}}]}"#;
    assert_eq!(seen(&events([chunk, "[DONE]"])), r#""Hello" done"#);
}

#[test]
fn a_code_that_is_no_status_is_none() {
    for code in ["0", "-1", "200", "70000", "1e3", "null", "\"\"", "[]"] {
        let data = format!(r#"{{"error":{{"message":"m","code":{code}}}}}"#);
        assert_eq!(error(&events([&data])).status, None, "{code}");
    }
}

#[test]
fn long_words_are_shortened() {
    let long = "\u{e9}".repeat(1000);
    let data = format!(r#"{{"error":{{"message":"{long}","type":"{long}"}}}}"#);
    assert_eq!(error(&events([&data])).to_string().chars().count(), 200 + ": ".len() + 200);
}
