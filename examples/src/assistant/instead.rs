//! Serves the fallbacks for the first provider's answer.
//!
//! They are the steps of the generator's `#[fallback(..)]`.

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

/// The most notes in the excerpts.
pub const EXCERPTS: usize = 3;

/// Why another text replaces the rest of an answer.
pub(super) const BROKE_OFF: &str = "cut";

const BROKEN: &str = "The answer broke off.";

const UNREACHED: &str = "The model cannot be reached at the moment.";

const NOT_TAKEN: &str = "The model did not take this question.";

const EXCERPTS_INTRODUCTION: &str = "These are the beginnings of the notes that fit your question best:";

const QUEUED: &str =
    "The model cannot be reached at the moment. Your question is queued and will be answered when it is back.";

impl Generator {
    /// The first step: the second provider. Its own breaker counts its failures, the log reports
    /// them, and the next step follows.
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

    /// The second step: the queue, for users who prefer the model's answer later to a fallback now.
    pub(super) fn queued(
        &self,
        question: &Question,
        asking: &Asking,
        reason: &'static str,
    ) -> Result<Option<Answer>, GenerationError> {
        // A rejected call never reached its own checks, and an empty question does not belong in
        // the queue.
        question.validate()?;
        // Waiting does not bring notes: without any there will never be a prompt for the model.
        if question.wish != Wish::AnswerLater || question.context.chunks.is_empty() {
            return Ok(None);
        }
        let id = self.queue.push(question.clone()).ok_or(GenerationError::QueueFull)?;
        Ok(Some(Answer { job: Some(id), ..asking.text(QUEUED, Source::Queued, reason) }))
    }

    /// The third step: a model's earlier answer to the same question of the same user.
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

    /// The time limits of a streamed answer.
    #[must_use]
    pub fn limits(&self) -> &StreamLimits {
        &self.limits
    }

    /// The provider that the service calls first.
    #[must_use]
    pub fn first(&self) -> &Provider {
        &self.first
    }

    /// Its providers, in the order of their calls.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        [&self.first].into_iter().chain(&self.second)
    }
}

fn no_answer(second: &Provider, error: &GenerationError) {
    tracing::debug!(provider = second.key(), error = error.to_string(), "the second provider has no answer");
}

/// The first 200 characters of a text, with a mark that there is more.
fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(EXCERPT_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}
