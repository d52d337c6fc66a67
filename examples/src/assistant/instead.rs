//! What is served in place of the first provider's answer: the steps of the generator's
//! `#[fallback(..)]`.

use super::{
    answer::{Answer, Source},
    asking::Asking,
    cache::AnswerCache,
    config::StreamLimits,
    error::GenerationError,
    generator::{Generator, REFUSED},
    provider::Provider,
    question::{Question, Wish},
    queue::Queue,
    streamed::Events,
};

/// An excerpt shows this much of a note.
const EXCERPT_CHARS: usize = 200;

/// The most notes that are excerpted.
pub const EXCERPTS: usize = 3;

/// Why a text stands in for the rest of an answer.
pub(super) const BROKE_OFF: &str = "cut";

const BROKEN: &str = "The answer broke off.";

const UNREACHED: &str = "The model cannot be reached at the moment.";

const NOT_TAKEN: &str = "The model did not take this question.";

const EXCERPTS_INTRODUCTION: &str = "These are the beginnings of the notes that fit your question best:";

const QUEUED: &str =
    "The model cannot be reached at the moment. Your question is queued and will be answered when it is back.";

impl Generator {
    /// The first step: the second provider, whose failures are its own breaker's. The log has them,
    /// and the next step its turn.
    pub(super) async fn second_answer(
        &self,
        question: &Question,
        asking: &Asking,
        reason: &'static str,
    ) -> Option<Answer> {
        asking.falls_back();
        let second = self.second.as_ref()?;
        let answered = self.ask_second(second, question).await;
        let answer = answered.inspect_err(|error| no_answer(second, error)).ok()?;
        Some(asking.instead(answer, reason))
    }

    /// The same as a stream.
    pub(super) async fn second_stream(
        &self,
        question: &Question,
        asking: &Asking,
        reason: &'static str,
    ) -> Option<Events> {
        asking.falls_back();
        let second = self.second.as_ref()?;
        let begun = self.begin_second(second, question).await;
        let events = begun.inspect_err(|error| no_answer(second, error)).ok()?;
        asking.serve_as(asking.instead(Answer::of_provider(second.key(), Source::SecondProvider), reason));
        Some(events)
    }

    /// The second step: for those who would rather have the model's answer later than something
    /// else now.
    pub(super) fn queued(
        &self,
        question: &Question,
        asking: &Asking,
        reason: &'static str,
    ) -> Result<Option<Answer>, GenerationError> {
        // A rejected call never reached its own checks, and nobody waits for the answer to an empty
        // question.
        question.validate()?;
        // Waiting does not bring notes: without any there will never be something to ask the model.
        if question.wish != Wish::AnswerLater || question.context.chunks.is_empty() {
            return Ok(None);
        }
        let id = self.queue.push(question.clone()).ok_or(GenerationError::QueueFull)?;
        Ok(Some(Answer { job: Some(id), ..asking.text(QUEUED, Source::Queued, reason) }))
    }

    /// The third step: what a model answered when the same user asked the same question.
    pub(super) async fn cached_answer(
        &self,
        question: &Question,
        asking: &Asking,
        reason: &'static str,
    ) -> Option<Answer> {
        if question.wish == Wish::LiveOnly {
            return None;
        }
        let text = self.cache.get(question).await?;
        Some(asking.text(text, Source::L1Cache, reason))
    }

    /// The last step: the beginnings of the notes that the model would have read.
    pub(super) fn excerpts(&self, question: &Question, asking: &Asking, reason: &'static str) -> Option<Answer> {
        let chunks = &question.context.chunks;
        if question.wish == Wish::LiveOnly || chunks.is_empty() {
            return None;
        }
        let excerpts = chunks
            .iter()
            .take(EXCERPTS)
            .map(|found| format!("\n\n{}: {}", found.note.title, beginning(&found.note.text)));
        let why = match reason {
            REFUSED => NOT_TAKEN,
            BROKE_OFF => BROKEN,
            _ => UNREACHED,
        };
        let text = format!("{why} {EXCERPTS_INTRODUCTION}{}", excerpts.collect::<String>());
        Some(asking.text(text, Source::Excerpts, reason))
    }

    /// The questions that wait for the API.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The model's earlier answers.
    #[must_use]
    pub fn cache(&self) -> &AnswerCache {
        &self.cache
    }

    /// How long the parts of a streamed answer may take.
    #[must_use]
    pub fn limits(&self) -> &StreamLimits {
        &self.limits
    }

    /// The provider that is asked first.
    #[must_use]
    pub fn first(&self) -> &Provider {
        &self.first
    }

    /// Its providers, in the order in which they are asked.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        [&self.first].into_iter().chain(&self.second)
    }
}

fn no_answer(second: &Provider, error: &GenerationError) {
    tracing::debug!(provider = second.key(), error = error.to_string(), "the second provider has no answer");
}

/// The first 200 characters of a text, with a sign that there is more.
fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(EXCERPT_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}
