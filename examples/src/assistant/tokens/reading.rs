//! Interprets one server-sent event of an answer.

use serde::Deserialize;
use serde_json::Value;

use super::event::Event;
use crate::assistant::wire::{fault::Told, finish::Finish};

/// The meaning of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// No part of the answer: a role, the usage, an event without data.
    Nothing,
    /// A part of the answer, and possibly its end.
    Chunk { pieces: Vec<Event>, finish: Option<Finish>, calls_tool: bool },
    /// `[DONE]`.
    Done,
    /// The upstream has failed.
    Error(Told),
}

/// The meaning of an event, and the model that it names.
pub(super) type Read = (Said, Option<String>);

/// Reads the event `name` with this data. `Err` is the reason why it cannot.
pub(super) fn read(name: Option<&str>, data: &str) -> Result<Read, String> {
    let data = data.trim();
    if name == Some("error") {
        return Ok((Said::Error(Told::read(data)), None));
    }
    match data {
        "" => Ok((Said::Nothing, None)),
        "[DONE]" => Ok((Said::Done, None)),
        data => serde_json::from_str(data).and_then(of_value).map_err(|error| error.to_string()),
    }
}

fn of_value(value: Value) -> Result<Read, serde_json::Error> {
    if let Some(error) = error_in(&value) {
        return Ok((Said::Error(Told::of(error)), None));
    }
    let mut chunk = Chunk::deserialize(value)?;
    let model = chunk.model.take();
    // Of several answers the first one is used.
    let choice = chunk.choices.take().unwrap_or_default().into_iter().find(|choice| choice.index == 0);
    let calls_tool = choice.as_ref().is_some_and(Choice::calls_tool);
    let (pieces, finish) = match choice {
        Some(choice) => choice.said(),
        None => chunk.said(),
    };
    let said = match finish {
        // Some routers report a failed provider in no other way.
        Some(reason) if reason == "error" => Said::Error(Told::saying("finish reason `error`")),
        None if pieces.is_empty() => Said::Nothing,
        finish => Said::Chunk { pieces, finish: finish.as_deref().map(|reason| Finish::of(Some(reason))), calls_tool },
    };
    Ok((said, model))
}

/// The object with the upstream's error, or which is the error. Gateways report an error of the
/// provider behind them in the choice.
fn error_in(value: &Value) -> Option<&Value> {
    let has_error = |object: &&Value| object.get("error").is_some_and(|error| !error.is_null());
    let choice = value.get("choices").and_then(|choices| choices.get(0)).filter(has_error);
    let is_error = value.get("object").is_some_and(|object| object == "error");
    Some(value).filter(|value| is_error || has_error(value)).or(choice)
}

/// A chunk of chat completions or of completions, or an event of TGI. All fields are optional, and
/// unknown ones are ignored.
#[derive(Deserialize)]
struct Chunk {
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    token: Option<TgiToken>,
    generated_text: Option<String>,
    details: Option<TgiDetails>,
}

#[derive(Deserialize)]
struct TgiToken {
    text: String,
    /// It ends the answer, and is not part of its text.
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct TgiDetails {
    finish_reason: String,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    delta: Option<Delta>,
    text: Option<String>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
    tool_calls: Option<Value>,
    function_call: Option<Value>,
}

/// A text, or a list of parts, some of which are text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

impl Content {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().map(|part| part.text).collect(),
        }
    }
}

impl Chunk {
    /// The meaning of TGI's own event. The last one also has the whole text and the finish reason.
    fn said(self) -> (Vec<Event>, Option<String>) {
        let text = self.token.filter(|token| !token.special).map(|token| token.text);
        let finish = self.details.map(|details| details.finish_reason);
        let finish = finish.or_else(|| self.generated_text.map(|_| "unknown".to_owned()));
        (piece(text, Event::Token).into_iter().collect(), finish)
    }
}

impl Choice {
    fn calls_tool(&self) -> bool {
        let calls = self.delta.iter().flat_map(|delta| [&delta.tool_calls, &delta.function_call]);
        calls.flatten().any(has_content)
    }

    fn said(self) -> (Vec<Event>, Option<String>) {
        let delta = self.delta.unwrap_or_default();
        let asides = [&delta.reasoning_content, &delta.reasoning, &delta.tool_calls, &delta.function_call];
        let has_aside = asides.into_iter().flatten().any(has_content);
        let pieces = [
            has_aside.then_some(Event::Aside),
            piece(delta.content.map(Content::text), Event::Token),
            piece(self.text, Event::Token),
            piece(delta.refusal, Event::Refusal),
        ];
        (pieces.into_iter().flatten().collect(), self.finish_reason.filter(|reason| !reason.is_empty()))
    }
}

fn piece(text: Option<String>, event: fn(String) -> Event) -> Option<Event> {
    text.filter(|text| !text.is_empty()).map(event)
}

fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}
