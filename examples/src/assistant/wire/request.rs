//! Builds the body of a request, in the format of each kind of API.

use serde::Serialize;

use crate::assistant::{api::ApiKind, endpoint::Endpoint};

/// The repetition penalty without a setting, for an API that supports it.
const REPETITION_PENALTY: f64 = 1.1;

/// The options of text generation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GenerationParameters {
    /// The most tokens that the answer may have.
    pub max_new_tokens: u32,
    /// The sampling temperature; above 0.
    pub temperature: f64,
    /// The share of the likeliest tokens to choose from; above 0, at most 1.
    pub top_p: f64,
    /// The penalty of a token that has already occurred; 1 is none. `None`: 1.1 where the API
    /// supports it, and otherwise not sent.
    pub repetition_penalty: Option<f64>,
}

/// The body of a request.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Body<'a> {
    /// For [`ApiKind::Chat`]. The model is the first field, since a router reads only a prefix of
    /// the body.
    Chat {
        /// The model.
        model: &'a str,
        /// The one message.
        messages: [Message<'a>; 1],
        /// The options of text generation.
        #[serde(flatten)]
        sampling: Sampling,
        /// Whether the answer is streamed.
        #[serde(skip_serializing_if = "is_false")]
        stream: bool,
    },
    /// For [`ApiKind::Completions`].
    Completion {
        /// The model.
        model: &'a str,
        /// The prompt.
        prompt: &'a str,
        /// The options of text generation.
        #[serde(flatten)]
        sampling: Sampling,
        /// Whether the answer is streamed.
        #[serde(skip_serializing_if = "is_false")]
        stream: bool,
    },
    /// For [`ApiKind::TextGeneration`] and [`ApiKind::Tgi`].
    Inputs {
        /// The prompt.
        inputs: &'a str,
        /// The options of text generation.
        parameters: Parameters,
        /// Whether the answer is streamed.
        #[serde(skip_serializing_if = "is_false")]
        stream: bool,
    },
}

/// A message of a chat.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

/// OpenAI's names.
#[derive(Debug, Serialize)]
pub struct Sampling {
    max_tokens: u32,
    temperature: f64,
    top_p: f64,
    // Some servers refuse unknown fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f64>,
}

/// The names of Hugging Face.
#[derive(Debug, Serialize)]
pub struct Parameters {
    max_new_tokens: u32,
    temperature: f64,
    top_p: f64,
    repetition_penalty: f64,
    // With it TGI reports why it stopped.
    #[serde(skip_serializing_if = "is_false")]
    details: bool,
}

impl<'a> Body<'a> {
    /// The body of a request that continues `prompt` on this API, at once or token by token.
    #[must_use]
    pub fn new(endpoint: &'a Endpoint, prompt: &'a str, with: &GenerationParameters, stream: bool) -> Self {
        let GenerationParameters { max_new_tokens, temperature, top_p, repetition_penalty } = *with;
        let model = endpoint.model_or_dummy();
        let sampling = Sampling { max_tokens: max_new_tokens, temperature, top_p, repetition_penalty };
        match endpoint.kind {
            ApiKind::Chat => {
                Self::Chat { model, messages: [Message { role: "user", content: prompt }], sampling, stream }
            }
            ApiKind::Completions => Self::Completion { model, prompt, sampling, stream },
            kind @ (ApiKind::TextGeneration | ApiKind::Tgi) => {
                let repetition_penalty = repetition_penalty.unwrap_or(REPETITION_PENALTY);
                let details = kind == ApiKind::Tgi;
                let parameters = Parameters { max_new_tokens, temperature, top_p, repetition_penalty, details };
                Self::Inputs { inputs: prompt, parameters, stream }
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::{Body, GenerationParameters};
    use crate::assistant::{api::ApiKind, endpoint::Endpoint};

    #[test]
    fn the_model_comes_first() {
        let base = "http://localhost".parse().expect("it is an address");
        let endpoint = Endpoint::new(&base, ApiKind::Chat, Some("org/model".to_owned()));
        let with = GenerationParameters { max_new_tokens: 9, temperature: 0.5, top_p: 0.5, repetition_penalty: None };
        let body = serde_json::to_string(&Body::new(&endpoint, "Why?", &with, false)).expect("it is JSON");
        assert!(body.starts_with(r#"{"model":"org/model","messages":[{"role":"user","content":"Why?"}]"#), "{body}");
        assert!(!body.contains("repetition_penalty") && !body.contains("stream"), "{body}");
    }
}
