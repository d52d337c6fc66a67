//! Implements the protocols of the embedded API: the request, answer and error of each route.

use serde_json::{Value, json};

use crate::assistant::endpoint::EMBEDDED_MODEL;

/// The format of a route's bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's completions.
    Completion,
    /// TGI's `/generate`.
    Generate,
    /// TGI's `/generate_stream`, which always streams, while `/generate` never does.
    GenerateStream,
    /// The inference API's `inputs`, whose answers are lists.
    Inputs,
}

/// The options of a request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) prompt: String,
    pub(super) max_tokens: usize,
    /// Whether the answer begins with the prompt.
    pub(super) echo: bool,
    /// Whether the answer comes token by token.
    pub(super) stream: bool,
    /// Whether a stream ends with a chunk that has the number of tokens and no choice.
    pub(super) usage: bool,
}

/// The fault of a request.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Asked {
    /// Reads the body of a request, and ignores unknown fields.
    pub(super) fn read(form: Form, body: &[u8]) -> Result<Self, Mistake> {
        let body: Value = serde_json::from_slice(body).map_err(|error| form.mistake(&error.to_string()))?;
        let (field, options) = match form {
            Form::Chat => ("messages", &body),
            Form::Completion => ("prompt", &body),
            Form::Generate | Form::GenerateStream | Form::Inputs => ("inputs", &body["parameters"]),
        };
        let prompt = match &body[field] {
            Value::String(prompt) if form != Form::Chat => prompt.clone(),
            Value::Array(messages) if form == Form::Chat => contents(messages),
            Value::Null => return Err(form.mistake(&format!("'{field}' is required"))),
            _ if form == Form::Chat => return Err(form.mistake("Expected 'messages' to be an array")),
            _ => return Err(form.mistake(&format!("Expected '{field}' to be a string"))),
        };
        let most = options.get("max_tokens").or_else(|| options.get("max_completion_tokens"));
        let most = most.or_else(|| options.get("max_new_tokens")).and_then(Value::as_u64);
        let max_tokens = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let echo = form == Form::Inputs && options["return_full_text"].as_bool().unwrap_or(true);
        let stream = match form {
            Form::Generate => false,
            Form::GenerateStream => true,
            _ => body["stream"].as_bool().unwrap_or_default(),
        };
        let usage = body["stream_options"]["include_usage"].as_bool().unwrap_or_default();
        Ok(Self { prompt, max_tokens, echo, stream, usage })
    }
}

/// The texts of a chat's messages, one after the other.
fn contents(messages: &[Value]) -> String {
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    };
    messages.iter().map(text).collect::<Vec<_>>().join("\n")
}

impl Form {
    fn mistake(self, message: &str) -> Mistake {
        let status = if matches!(self, Self::Chat | Self::Completion) { 400 } else { 422 };
        Mistake { status, message: message.to_owned() }
    }

    /// The body of an answer of N tokens.
    pub(super) fn answer(self, text: &str, finish: &str, tokens: usize) -> Value {
        let usage = json!({"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens});
        let openai = |id: &str, object: &str, choice: Value| json!({"id": id, "object": object, "created": 0, "model": EMBEDDED_MODEL, "choices": [choice], "usage": usage});
        match self {
            Self::Chat => {
                let message = json!({"role": "assistant", "content": text});
                let choice = json!({"index": 0, "message": message, "finish_reason": finish});
                openai("chatcmpl-0", "chat.completion", choice)
            }
            Self::Completion => {
                let choice = json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish});
                openai("cmpl-0", "text_completion", choice)
            }
            Self::Generate | Self::GenerateStream => {
                let finish = if finish == "stop" { "eos_token" } else { finish };
                json!({"generated_text": text, "details": {"finish_reason": finish, "generated_tokens": tokens}})
            }
            Self::Inputs => json!([{"generated_text": text}]),
        }
    }

    /// The body of an error.
    pub(super) fn error(self, status: u16, message: &str) -> Value {
        match self {
            Self::Chat | Self::Completion => {
                json!({"error": {"message": message, "type": openai_type(status), "code": status}})
            }
            Self::Generate | Self::GenerateStream => json!({"error": message, "error_type": tgi_type(status)}),
            Self::Inputs => json!({"error": message}),
        }
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        401 | 403 => "authentication_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 => "unavailable_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

fn tgi_type(status: u16) -> &'static str {
    match status {
        422 => "validation",
        424 => "generation",
        429 => "overloaded",
        500 => "incomplete_generation",
        _ => "error",
    }
}
