//! Reads an API's answer: a text, why it ended, and its model; or an error in a 200.

use std::time::Duration;

use serde_json::Value;

use super::{fault::Told, finish::Finish};
use crate::assistant::error::{Fault, GenerationError, OutputError};

/// An API's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The text; that of a refusal, which may be empty, where the model declined.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// The model that the API names.
    pub model: Option<String>,
}

impl Completion {
    /// Reads the body of a 200: of a chat, of a completion, or a `generated_text`, in a list or
    /// not. It ignores unknown fields.
    ///
    /// # Errors
    /// It is not JSON, contains an error, has no answer, or asks for a tool.
    pub fn read(body: &str, wait: Option<Duration>) -> Result<Self, GenerationError> {
        let value: Value = serde_json::from_str(body).map_err(|_| unreadable(body))?;
        let value = match &value {
            Value::Array(list) => list.first().ok_or(OutputError::NoAnswer)?,
            one => one,
        };
        match value.get("choices").and_then(Value::as_array) {
            Some(choices) if !choices.is_empty() => Self::of_choice(&choices[0], model_of(value), wait),
            _ if value.get("error").is_some_and(|error| !error.is_null()) => Err(Told::of(value).sort_within(wait)),
            Some(_) => Err(OutputError::NoAnswer.into()),
            None => Self::of_generated(value),
        }
    }

    fn of_choice(choice: &Value, model: Option<String>, wait: Option<Duration>) -> Result<Self, GenerationError> {
        // Gateways report an error of the provider behind them in the choice.
        if choice.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Told::of(choice).sort_within(wait));
        }
        let finish = choice.get("finish_reason").and_then(Value::as_str);
        // Some routers report a failed provider in no other way.
        if finish == Some("error") {
            return Err(Told::saying("finish reason `error`").sort_within(wait));
        }
        let message = choice.get("message");
        let text = message.and_then(|message| message.get("content")).or_else(|| choice.get("text"));
        let text = text.and_then(text_of).unwrap_or_default();
        let refusal = message.and_then(|message| message.get("refusal")).and_then(Value::as_str);
        let refusal = refusal.filter(|refusal| !refusal.trim().is_empty());
        let finish = Finish::of(finish);
        if refusal.is_some() || finish == Finish::Declined {
            return Ok(Self { text: refusal.map_or(text, str::to_owned), finish: Finish::Declined, model });
        }
        if text.trim().is_empty() && (finish == Finish::ToolCalls || has_tool_calls(message)) {
            return Err(wants_tool());
        }
        Ok(Self { text, finish, model })
    }

    fn of_generated(value: &Value) -> Result<Self, GenerationError> {
        let text = value.get("generated_text").and_then(Value::as_str);
        let text = text.ok_or_else(|| GenerationError::Unreadable("neither an answer nor an error".to_owned()))?;
        let finish = value.get("details").and_then(|details| details.get("finish_reason")).and_then(Value::as_str);
        // This format has complete answers only, and no finish reason unless the request asks for
        // it.
        Ok(Self {
            text: text.to_owned(),
            finish: finish.map_or(Finish::Stop, |finish| Finish::of(Some(finish))),
            model: None,
        })
    }
}

fn model_of(value: &Value) -> Option<String> {
    value.get("model").and_then(Value::as_str).map(str::to_owned)
}

/// A text, or the text parts of a list.
fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()),
        _ => None,
    }
}

fn has_tool_calls(message: Option<&Value>) -> bool {
    let calls = message.and_then(|message| message.get("tool_calls")).and_then(Value::as_array);
    calls.is_some_and(|calls| !calls.is_empty())
}

/// The error of an answer without text that asks for a tool, although the request offered none.
#[must_use]
pub fn wants_tool() -> GenerationError {
    let message = "the model wants to call a tool, and has none".to_owned();
    GenerationError::Refused(Fault { status: 200, message, retry_after: None })
}

/// The error of a body that is not JSON. Its text may be of any length, and from any source.
fn unreadable(body: &str) -> GenerationError {
    let what = if body.trim_start().starts_with('<') { "an HTML page" } else { "no JSON" };
    GenerationError::Unreadable(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Completion, Finish, GenerationError, OutputError};

    fn read(body: &str) -> Result<(String, Finish), GenerationError> {
        Completion::read(body, None).map(|completion| (completion.text, completion.finish))
    }

    #[test]
    fn an_answer_is_read_in_each_form() {
        for (body, finish) in [
            (
                r#"{"choices": [{"message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}]}"#,
                Finish::Stop,
            ),
            (
                r#"{"choices": [{"message": {"content": "fine"}, "finish_reason": "length"}], "usage": null}"#,
                Finish::Length,
            ),
            (r#"{"choices": [{"message": {"content": [{"type": "text", "text": "fine"}]}}]}"#, Finish::Unknown),
            (r#"{"choices": [{"text": "fine", "finish_reason": "stop"}], "error": null}"#, Finish::Stop),
            (r#"[{"generated_text": "fine"}]"#, Finish::Stop),
            (r#"{"generated_text": "fine", "details": {"finish_reason": "length"}}"#, Finish::Length),
            (r#"{"generated_text": "fine", "details": {"finish_reason": "eos_token"}}"#, Finish::Stop),
        ] {
            assert_eq!(read(body).ok(), Some(("fine".to_owned(), finish)), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let body =
            r#"{"choices": [{"message": {"content": null, "refusal": "I will not."}, "finish_reason": "stop"}]}"#;
        assert_eq!(read(body).ok(), Some(("I will not.".to_owned(), Finish::Declined)));
        let body = r#"{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}"#;
        assert_eq!(read(body).ok(), Some((String::new(), Finish::Declined)));
    }

    #[test]
    fn an_error_within_an_answer_counts_by_its_code() {
        for (error, is) in [
            (r#"{"message": "no", "code": 401}"#, "misconfigured"),
            (r#"{"message": "no", "code": "408"}"#, "failure"),
            (r#"{"message": "no", "code": 400}"#, "refused"),
            (r#"{"message": "no", "code": "insufficient_quota"}"#, "misconfigured"),
            (r#"{"message": "no", "type": "server_error"}"#, "failure"),
            (r#"{"message": "no", "type": "invalid_request_error", "code": "context_length_exceeded"}"#, "refused"),
            (r#"{"message": "no", "type": "invalid_request_error", "code": "408"}"#, "failure"),
            (r#"{"message": "no", "type": "authentication_error"}"#, "misconfigured"),
            (r#""no""#, "failure"),
        ] {
            let body = format!(r#"{{"error": {error}}}"#);
            let found = match read(&body) {
                Err(GenerationError::Misconfigured(_)) => "misconfigured",
                Err(GenerationError::Refused(_)) => "refused",
                Err(GenerationError::Http(_)) => "failure",
                other => panic!("{body}: {other:?}"),
            };
            assert_eq!(found, is, "{body}");
        }
    }

    #[test]
    fn tgis_word_for_an_error_counts_as_its_status() {
        let read = |kind: &str| read(&format!(r#"{{"error": "no", "error_type": "{kind}"}}"#));
        assert!(matches!(read("validation"), Err(GenerationError::Refused(_))));
        for kind in ["generation", "overloaded", "incomplete_generation"] {
            assert!(matches!(read(kind), Err(GenerationError::Http(_))), "{kind}");
        }
    }

    #[test]
    fn an_error_in_a_choice_is_a_failure() {
        for choice in [
            r#"{"error": {"code": 502, "message": "down"}, "message": {"content": ""}}"#,
            r#"{"message": {"content": "half of"}, "finish_reason": "error"}"#,
        ] {
            let body = format!(r#"{{"choices": [{choice}]}}"#);
            assert!(matches!(read(&body), Err(GenerationError::Http(_))), "{body}");
        }
    }

    #[test]
    fn what_has_no_answer_is_told_apart() {
        let no_answer = |body| matches!(read(body), Err(GenerationError::InvalidOutput(OutputError::NoAnswer)));
        assert!(no_answer(r#"{"choices": []}"#) && no_answer("[]"));
        for body in ["<html>", "", "{}", r#"{"text": "fine"}"#, r#"{"choices": "none"}"#] {
            assert!(matches!(read(body), Err(GenerationError::Unreadable(_))), "{body}");
        }
    }

    #[test]
    fn a_model_that_wants_a_tool_has_refused_the_question() {
        let body = r#"{"choices": [{"message": {"content": null, "tool_calls": [{"id": "1"}]}, "finish_reason": "tool_calls"}]}"#;
        assert!(matches!(read(body), Err(GenerationError::Refused(_))));
    }
}
