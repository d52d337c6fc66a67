//! Defines an answer: the text that a user gets, and its source.

use std::time::Duration;

use super::{queue::JobId, wire::finish::Finish};

/// The source of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The text-generation API, now.
    Model,
    /// The second provider's API, now.
    SecondProvider,
    /// The local model.
    LocalModel,
    /// The API's earlier answer to the same user.
    L1Cache,
    /// The notes themselves.
    Excerpts,
    /// None yet: the question is queued.
    Queued,
    /// None: the notes have nothing on the question.
    Nothing,
}

impl Source {
    /// Its name in metadata, which for a fallback is the name of the step in `#[fallback(...)]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::SecondProvider => "second_provider",
            Self::LocalModel => "local_model",
            Self::L1Cache => "l1_cache",
            Self::Excerpts => "excerpts",
            Self::Queued => "queued",
            Self::Nothing => "none",
        }
    }

    /// Whether a model writes it now.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Model | Self::SecondProvider)
    }

    /// Whether it replaces the model's answer.
    #[must_use]
    pub fn is_fallback(self) -> bool {
        !matches!(self, Self::Model | Self::LocalModel | Self::Nothing)
    }
}

/// What a user gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Its source.
    pub source: Source,
    /// The provider and the model that wrote it now.
    pub provider: Option<String>,
    /// Why the model's text ended.
    pub finish: Option<Finish>,
    /// Why it is a fallback: `circuit_breaker_open`, `timeout`, `failure`, `busy`, `refused` or
    /// `cut`.
    pub reason: Option<&'static str>,
    /// How long the breaker took to reject the call: its share of the answer.
    pub rejected_after: Option<Duration>,
    /// Where to ask for a queued question.
    pub job: Option<JobId>,
}

impl Answer {
    /// An answer from this source.
    #[must_use]
    pub fn new(text: impl Into<String>, source: Source) -> Self {
        let text = text.into();
        Self { text, source, provider: None, finish: None, reason: None, rejected_after: None, job: None }
    }

    /// The beginning of an answer that this provider writes now.
    #[must_use]
    pub fn of_provider(provider: &str, source: Source) -> Self {
        Self { provider: Some(provider.to_owned()), ..Self::new("", source) }
    }

    /// Whether the text was truncated at the greatest length.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.finish == Some(Finish::Length)
    }
}
