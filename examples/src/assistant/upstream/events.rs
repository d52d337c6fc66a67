//! Builds the events of the embedded API's streamed answers.
//!
//! They have the format and order of each kind of API.

use serde_json::{Value, json};

use super::{StreamEnd, protocol::Form};
use crate::assistant::endpoint::EMBEDDED_MODEL;

/// A text that is sent token by token.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) tokens: Vec<&'a str>,
    /// Why it ends: `stop` or `length`.
    pub(super) finish: &'static str,
    /// Whether a chat request asks for the number of tokens.
    pub(super) usage: bool,
}

/// The events of the text, and of its end where that consists of events.
pub(super) fn events(form: Form, text: &Text<'_>, end: StreamEnd) -> Vec<String> {
    let api = match form {
        Form::Chat | Form::Completion => Api::OpenAi { is_chat: form == Form::Chat },
        Form::Generate | Form::GenerateStream | Form::Inputs => Api::Tgi,
    };
    let mut events = api.tokens(text);
    events.extend(api.end(text, end));
    events
}

/// The format of the events.
#[derive(Clone, Copy)]
enum Api {
    /// The role for a chat, the tokens, the finish reason, and `[DONE]`. A chat that asked for it
    /// gets the number of tokens in a chunk of its own. A completion has it beside the finish
    /// reason, as llama.cpp does.
    OpenAi { is_chat: bool },
    /// The tokens; the last one is not text, and has the whole text and the finish reason. There is
    /// no `[DONE]`.
    Tgi,
}

impl Api {
    fn tokens(self, text: &Text<'_>) -> Vec<String> {
        let role = json!({"role": "assistant", "content": null});
        let head = matches!(self, Self::OpenAi { is_chat: true }).then(|| self.event(choice(&role, None)));
        // Each word has the blank before it, except the first.
        let words = text.tokens.iter().enumerate().map(|(n, word)| format!("{}{word}", if n == 0 { "" } else { " " }));
        head.into_iter().chain((1..).zip(words).map(|(index, word)| self.token(index, &word))).collect()
    }

    fn token(self, index: usize, word: &str) -> String {
        self.event(match self {
            Self::OpenAi { is_chat: true } => choice(&json!({"content": word}), None),
            Self::OpenAi { is_chat: false } => completion(word, None),
            Self::Tgi => {
                let token = json!({"id": index, "text": word, "logprob": 0.0, "special": false});
                json!({"index": index, "token": token, "generated_text": null, "details": null})
            }
        })
    }

    fn end(self, text: &Text<'_>, end: StreamEnd) -> Vec<String> {
        let finished = |reason| [self.finish(text, reason), self.done()].concat();
        match end {
            StreamEnd::Whole => finished(text.finish),
            StreamEnd::NoDone => self.finish(text, text.finish),
            StreamEnd::NoFinish => self.done(),
            StreamEnd::Finish(reason) => finished(reason),
            StreamEnd::Empty => finished("stop"),
            StreamEnd::HalfEvent => {
                let half = |event: String| event[..event.len() / 2].to_owned();
                self.finish(text, text.finish).into_iter().take(1).map(half).collect()
            }
            StreamEnd::Error(code) => vec![self.event(self.error(code))],
            StreamEnd::ErrorEvent => vec![format!("event: error\n{}", self.event(json!({"message": FAILED})))],
            StreamEnd::Cut | StreamEnd::Break | StreamEnd::Stall | StreamEnd::Comments => Vec::new(),
        }
    }

    fn finish(self, text: &Text<'_>, reason: &str) -> Vec<String> {
        let count = text.tokens.len();
        let usage = json!({"prompt_tokens": 0, "completion_tokens": count, "total_tokens": count});
        let mut last = match self {
            Self::OpenAi { is_chat: true } => choice(&json!({}), Some(reason)),
            Self::OpenAi { is_chat: false } => completion("", Some(reason)),
            Self::Tgi => {
                let (token, reason) = if reason == "stop" { ("</s>", "eos_token") } else { ("", reason) };
                let token = json!({"id": 0, "text": token, "logprob": 0.0, "special": true});
                let details = json!({"finish_reason": reason, "generated_tokens": count, "seed": null});
                json!({"index": count + 1, "token": token, "generated_text": text.tokens.join(" "), "details": details})
            }
        };
        match self {
            Self::OpenAi { is_chat: true } if text.usage => {
                vec![self.event(last), self.event(json!({"choices": [], "usage": usage}))]
            }
            Self::OpenAi { is_chat: false } => {
                last["usage"] = usage;
                vec![self.event(last)]
            }
            _ => vec![self.event(last)],
        }
    }

    fn done(self) -> Vec<String> {
        match self {
            Self::OpenAi { .. } => vec!["data: [DONE]\n\n".to_owned()],
            Self::Tgi => Vec::new(),
        }
    }

    fn error(self, code: u16) -> Value {
        match self {
            Self::OpenAi { .. } => Form::Chat.error(code, FAILED),
            Self::Tgi => Form::Generate.error(code, FAILED),
        }
    }

    fn event(self, mut value: Value) -> String {
        let object = match self {
            Self::OpenAi { is_chat: true } => "chat.completion.chunk",
            Self::OpenAi { is_chat: false } => "text_completion",
            // TGI writes no blank after the colon.
            Self::Tgi => return format!("data:{value}\n\n"),
        };
        if let Some(chunk) = value.as_object_mut().filter(|chunk| chunk.contains_key("choices")) {
            let head = [("id", "chatcmpl-0".into()), ("object", object.into()), ("created", 0.into())];
            chunk.extend(head.map(|(name, value)| (name.to_owned(), value)));
            chunk.insert("model".to_owned(), EMBEDDED_MODEL.into());
        }
        format!("data: {value}\n\n")
    }
}

/// The content of an error in a stream.
const FAILED: &str = "scripted outage";

fn choice(delta: &Value, finish: Option<&str>) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn completion(text: &str, finish: Option<&str>) -> Value {
    json!({"choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": finish}]})
}
