//! Reads the service's own settings from the environment.
//!
//! The breakers read their own variables.

mod providers;
mod reader;

use std::{fmt, time::Duration};

use super::{api::ApiKind, endpoint::Endpoint, secret::Secret, wire::request::GenerationParameters};
use reader::Reader;

/// The source of the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Backend {
    /// A text-generation API.
    Api(Endpoint),
    /// The local model (`HF_USE_API=false`).
    Local,
}

/// The retries of failed calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The most calls for one question.
    pub attempts: u32,
    /// The wait after the first one; each further wait is twice as long.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
    /// The random share that a wait may be longer, so that many waiting questions do not retry at
    /// one moment.
    pub jitter: f64,
}

/// The time limits of a streamed answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Until its first token, from the sending of the question.
    pub first_token: Duration,
    /// Between two tokens, while the service waits for the upstream.
    pub token_gap: Duration,
    /// The whole answer. What has come by then is the answer, marked as truncated.
    pub answer: Duration,
}

/// The settings of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct AssistantConfig {
    /// The source of the text; `None` is the embedded API.
    pub backend: Option<Backend>,
    /// The protocol of the embedded API.
    pub kind: ApiKind,
    /// The provider that the service calls when the first one fails.
    pub second: Option<Endpoint>,
    /// The options of text generation.
    pub parameters: GenerationParameters,
    /// The most characters of a prompt: the question, its notes, and some words more.
    pub max_prompt_chars: usize,
    /// The retries of failed calls.
    pub retry: RetryPolicy,
    /// The time limits of a streamed answer.
    pub limits: StreamLimits,
    /// The most answers in the L1 cache. An answer that is larger than 4 KiB counts as several.
    pub cache_capacity: u64,
    /// How long an answer stays in the L1 cache.
    pub cache_ttl: Duration,
    /// The most questions that wait for an answer.
    pub queue_capacity: usize,
    /// How long the queue keeps a question or its answer.
    pub queue_ttl: Duration,
    /// The token for actions on the dashboard; without one it only shows.
    pub dashboard_token: Option<Secret>,
}

impl Default for AssistantConfig {
    fn default() -> Self {
        Self {
            backend: None,
            kind: ApiKind::Chat,
            second: None,
            parameters: GenerationParameters {
                max_new_tokens: 256,
                temperature: 0.7,
                top_p: 0.95,
                repetition_penalty: None,
            },
            max_prompt_chars: 8_000,
            retry: RetryPolicy { attempts: 2, min: Duration::from_secs(2), max: Duration::from_secs(10), jitter: 0.1 },
            limits: StreamLimits {
                first_token: Duration::from_secs(20),
                token_gap: Duration::from_secs(10),
                answer: Duration::from_secs(120),
            },
            cache_capacity: 10_000,
            cache_ttl: Duration::from_secs(3_600),
            queue_capacity: 100,
            queue_ttl: Duration::from_secs(900),
            dashboard_token: None,
        }
    }
}

/// A variable with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: is `{}`, expected {}", self.variable, self.value, self.expected)
    }
}

impl AssistantConfig {
    /// Reads the settings from variables; `lookup` returns the value of one.
    ///
    /// # Errors
    /// Every variable with an invalid value, not only the first.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = Reader::new(lookup);
        let mut config = Self { backend: reader.backend(), second: reader.second(), ..Self::default() };
        reader.kind(&mut config.kind);
        reader.parameters(&mut config.parameters);
        reader.number("HF_MAX_PROMPT_CHARS", "a whole number from 500", |n| *n >= 500, &mut config.max_prompt_chars);
        let attempts = &mut config.retry.attempts;
        reader.number("HF_ATTEMPTS", "a whole number from 1 to 10", |n| (1..=10).contains(n), attempts);
        reader.seconds("HF_FIRST_TOKEN_SECONDS", &mut config.limits.first_token);
        reader.seconds("HF_TOKEN_GAP_SECONDS", &mut config.limits.token_gap);
        reader.seconds("HF_ANSWER_SECONDS", &mut config.limits.answer);
        reader.number("ASSISTANT_CACHE_CAPACITY", "a whole number", |_| true, &mut config.cache_capacity);
        reader.seconds("ASSISTANT_CACHE_TTL_SECONDS", &mut config.cache_ttl);
        reader.number("ASSISTANT_QUEUE_CAPACITY", "a whole number", |_| true, &mut config.queue_capacity);
        reader.seconds("ASSISTANT_QUEUE_TTL_SECONDS", &mut config.queue_ttl);
        config.dashboard_token = reader.dashboard_token();
        reader.done(config)
    }
}
