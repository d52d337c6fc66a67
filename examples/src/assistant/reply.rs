//! Defines the JSON replies.

use std::time::Duration;

use serde::Serialize;

use super::{
    answer::{Answer, Source},
    instead::EXCERPTS,
    question::Question,
    wire::finish::Finish,
};

/// A note that an answer uses.
#[derive(Clone, Debug, Serialize)]
pub struct SourceNote {
    /// The note's id.
    pub id: u32,
    /// Its heading.
    pub title: String,
    /// Its similarity to the question, up to 1.
    pub score: f32,
}

/// The notes that a question's answer uses.
#[must_use]
pub fn sources(question: &Question) -> Vec<SourceNote> {
    let chunks = question.context.chunks.iter();
    chunks.map(|found| SourceNote { id: found.note.id, title: found.note.title.clone(), score: found.score }).collect()
}

/// How an answer came about.
#[derive(Clone, Debug, Serialize)]
pub struct Metadata {
    /// How long the service worked on the request.
    pub duration_ms: f64,
    /// Where the text comes from: `model`, `second_provider`, `local_model`, `l1_cache`,
    /// `excerpts`, `queued` or `none`.
    pub source: &'static str,
    /// The provider and the model that wrote it now, as `HOST/MODEL`.
    pub provider: Option<String>,
    /// Why the model's text ended: `stop`, `length`, `tool_calls`, `content_filter` or `unknown`.
    pub finish_reason: Option<&'static str>,
    /// Whether the text was truncated at its greatest length.
    pub truncated: bool,
    /// Whether it replaces the model's answer.
    pub from_fallback: bool,
    /// Why: `circuit_breaker_open`, `timeout`, `failure`, `busy`, `refused` or `cut`.
    pub fallback_reason: Option<&'static str>,
    /// Which step of the fallback served it.
    pub fallback_source: Option<&'static str>,
    /// The breaker's state after the call.
    pub circuit_status: &'static str,
    /// How long the breaker took to reject the call, in microseconds; null when it did not.
    pub breaker_us: Option<f64>,
    /// How many notes the search found.
    pub chunks_retrieved: usize,
    /// How many of them fitted into the prompt.
    pub chunks_used: usize,
    /// How many of them the answer excerpts.
    pub excerpts_returned: usize,
    /// Whether the notes contain nothing about the question.
    pub no_context: bool,
}

impl Metadata {
    /// How `answer` came about.
    #[must_use]
    pub fn new(question: &Question, answer: &Answer, circuit_status: &'static str, duration: Duration) -> Self {
        let (source, from_fallback) = (answer.source.as_str(), answer.source.is_fallback());
        let excerpted = answer.source == Source::Excerpts;
        let chunks_used = question.context.chunks.len();
        Self {
            duration_ms: duration.as_secs_f64() * 1e3,
            source,
            provider: answer.provider.clone(),
            finish_reason: answer.finish.map(Finish::as_str),
            truncated: answer.is_truncated(),
            from_fallback,
            fallback_reason: answer.reason,
            fallback_source: from_fallback.then_some(source),
            circuit_status,
            breaker_us: answer.rejected_after.map(|share| share.as_secs_f64() * 1e6),
            chunks_retrieved: question.context.retrieved,
            chunks_used,
            excerpts_returned: if excerpted { chunks_used.min(EXCERPTS) } else { 0 },
            no_context: chunks_used == 0,
        }
    }
}

/// The reply with an answer.
#[derive(Clone, Debug, Serialize)]
pub struct QueryReply {
    /// The text.
    pub answer: String,
    /// Whether the text was truncated at its greatest length.
    pub truncated: bool,
    /// The notes that it uses.
    pub sources: Vec<SourceNote>,
    /// How it came about, where the request asked for it.
    pub metadata: Option<Metadata>,
}

/// The event `source` of a streamed answer: the source of the text that follows.
#[derive(Clone, Debug, Serialize)]
pub struct SourceEvent {
    /// As in [`Metadata`].
    pub source: &'static str,
    /// The provider and the model that write it now, as `HOST/MODEL`.
    pub provider: Option<String>,
    /// Whether it replaces the model's answer.
    pub from_fallback: bool,
    /// Why, as in [`Metadata`].
    pub fallback_reason: Option<&'static str>,
    /// The notes that it uses.
    pub sources: Vec<SourceNote>,
}

impl SourceEvent {
    /// The beginning of `answer`.
    #[must_use]
    pub fn new(question: &Question, answer: &Answer) -> Self {
        Self {
            source: answer.source.as_str(),
            provider: answer.provider.clone(),
            from_fallback: answer.source.is_fallback(),
            fallback_reason: answer.reason,
            sources: sources(question),
        }
    }
}

/// The event `token`: the next piece of the text.
#[derive(Clone, Debug, Serialize)]
pub struct TokenEvent {
    /// The reader appends it unchanged.
    pub text: String,
}

/// The event `done`: the answer is complete.
#[derive(Clone, Debug, Serialize)]
pub struct DoneEvent {
    /// Its source.
    pub source: &'static str,
    /// Why the model's text ended, as in [`Metadata`].
    pub finish_reason: Option<&'static str>,
    /// Whether there would have been more: the text ended at a limit of the model or the service.
    pub truncated: bool,
    /// How it came about, where the request asked for it.
    pub metadata: Option<Metadata>,
}

/// The event `cut`: the answer broke off and is not complete.
#[derive(Clone, Debug, Serialize)]
pub struct CutEvent {
    /// Why: `cut`, `timeout`, `failure` or `ending`.
    pub reason: &'static str,
    /// What else there is on the question. Null where there is nothing, or where `reset` and
    /// another answer follow.
    pub fallback: Option<Instead>,
}

/// The replacement for the rest of an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Instead {
    /// `l1_cache` or `excerpts`.
    pub source: &'static str,
    /// The text.
    pub text: String,
}

impl CutEvent {
    /// The end of an answer that `instead` replaces.
    #[must_use]
    pub fn new(reason: &'static str, instead: Option<Answer>) -> Self {
        let fallback = instead.map(|answer| Instead { source: answer.source.as_str(), text: answer.text });
        Self { reason, fallback }
    }
}

/// The reply to a queued question.
#[derive(Clone, Debug, Serialize)]
pub struct QueuedReply {
    /// The id of the job.
    pub job_id: String,
    /// Its state.
    pub status: &'static str,
    /// Always `queued`.
    pub source: &'static str,
    /// The path of the job.
    pub status_url: String,
    /// Words for the user.
    pub message: String,
    /// How it came about, where the request asked for it.
    pub metadata: Option<Metadata>,
}

/// The state of a queued question.
#[derive(Clone, Debug, Serialize)]
pub struct JobReply {
    /// The id of the job.
    pub job_id: String,
    /// `pending`, `done` or `failed`.
    pub status: &'static str,
    /// The model's answer, when it is done.
    pub answer: Option<String>,
    /// Whether the answer was truncated at its greatest length.
    pub truncated: bool,
    /// The source of the answer: `model` or `second_provider`.
    pub source: Option<&'static str>,
    /// The provider and the model that wrote it, as `HOST/MODEL`.
    pub provider: Option<String>,
    /// The notes that it uses.
    pub sources: Vec<SourceNote>,
    /// Why it failed, when it has.
    pub message: Option<String>,
}

impl JobReply {
    /// A question in this state, without an answer.
    #[must_use]
    pub fn new(job_id: String, status: &'static str) -> Self {
        let sources = Vec::new();
        Self { job_id, status, answer: None, truncated: false, source: None, provider: None, sources, message: None }
    }

    /// The same with its answer.
    #[must_use]
    pub fn with_answer(self, question: &Question, answer: Answer) -> Self {
        Self {
            truncated: answer.is_truncated(),
            source: Some(answer.source.as_str()),
            provider: answer.provider,
            answer: Some(answer.text),
            sources: sources(question),
            ..self
        }
    }
}
