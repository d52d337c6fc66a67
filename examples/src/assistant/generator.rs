//! The room of the generator: the one call that can fail, its breaker, its retries, and what is served instead.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use breaker_core::{circuit_breaker, fallback};
use tokio::sync::watch;

use super::{
    answer::{Answer, Source},
    cache::AnswerCache,
    client::ApiClient,
    config::RetryPolicy,
    error::{GenerationError, ValidationError},
    question::{Question, Wish},
    queue::Queue,
    service::breaker,
};

/// The name of the breaker, in the registry and as the prefix of its environment variables.
pub const BREAKER: &str = "huggingface_api";

/// An excerpt shows this much of a note.
const EXCERPT_CHARS: usize = 200;

/// The most notes that are excerpted.
pub const EXCERPTS: usize = 3;

const EXCERPTS_INTRODUCTION: &str =
    "The model cannot be reached at the moment. These are the beginnings of the notes that fit your question best:";

const QUEUED: &str =
    "The model cannot be reached at the moment. Your question is queued and will be answered when it is back.";

/// Answers questions through the text-generation API when it can, and from something else when it cannot.
#[derive(Debug)]
pub struct Generator {
    client: ApiClient,
    cache: AnswerCache,
    queue: Queue,
    retry: RetryPolicy,
    waits: watch::Sender<u64>,
}

/// One attempt at one question.
#[derive(Debug)]
struct Call<'q> {
    question: &'q Question,
    started: Instant,
    rejected_after: OnceLock<Duration>,
}

impl<'q> Call<'q> {
    fn new(question: &'q Question) -> Self {
        Self { question, started: Instant::now(), rejected_after: OnceLock::new() }
    }
}

impl Generator {
    /// A generator that asks the API, keeps its answers, and queues the questions that can wait.
    #[must_use]
    pub fn new(client: ApiClient, cache: AnswerCache, queue: Queue, retry: RetryPolicy) -> Self {
        Self { client, cache, queue, retry, waits: watch::Sender::new(0) }
    }

    /// One counted call of the API.
    ///
    /// A refusal is an answer too, so a 4xx is a success, except for 408 and 429. A question that cannot be asked says
    /// nothing about the API. Everything else is a failure.
    #[circuit_breaker(
        name = "huggingface_api",
        fail_max = 5,
        recovery_timeout = "30s",
        timeout = "30s",
        critical = true,
        exclude(ValidationError, GenerationError::NoContext),
        success(GenerationError::Http { status: 400..=407 | 409..=428 | 430..=499, .. })
    )]
    #[fallback(queued = Self::queued, l1_cache = Self::cached_answer, excerpts = Self::excerpts)]
    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, GenerationError> {
        let question = call.question;
        question.validate()?;
        if question.context.chunks.is_empty() {
            return Err(GenerationError::NoContext);
        }
        let text = self.client.generate(&question.prompt()).await?;
        self.cache.put(question, text.clone()).await;
        Ok(Answer::new(text, Source::Model))
    }

    /// The first step: for those who would rather have the model's answer later than something else now.
    fn queued(&self, call: &Call<'_>) -> Result<Option<Answer>, GenerationError> {
        call.rejected_after.get_or_init(|| call.started.elapsed());
        // A rejected call never reached its own checks, and nobody waits for the answer to an empty question.
        call.question.validate()?;
        // Waiting does not bring notes: without any there will never be something to ask the model.
        if call.question.wish != Wish::AnswerLater || call.question.context.chunks.is_empty() {
            return Ok(None);
        }
        let id = self.queue.push(call.question.clone()).ok_or(GenerationError::QueueFull)?;
        Ok(Some(Answer { job: Some(id), ..Answer::new(QUEUED, Source::Queued) }))
    }

    /// The second step: what the model answered when the same user asked the same question.
    async fn cached_answer(&self, call: &Call<'_>) -> Option<Answer> {
        if call.question.wish != Wish::SomethingNow {
            return None;
        }
        let text = self.cache.get(call.question).await?;
        Some(Answer::new(text, Source::L1Cache))
    }

    /// The last step: the beginnings of the notes that the model would have read.
    fn excerpts(&self, call: &Call<'_>) -> Option<Answer> {
        let chunks = &call.question.context.chunks;
        if call.question.wish != Wish::SomethingNow || chunks.is_empty() {
            return None;
        }
        let excerpts = chunks
            .iter()
            .take(EXCERPTS)
            .map(|found| format!("\n\n{}: {}", found.note.title, beginning(&found.note.text)));
        Some(Answer::new(EXCERPTS_INTRODUCTION.to_owned() + &excerpts.collect::<String>(), Source::Excerpts))
    }

    /// Answers a question: the retries go around the breaker, the fallbacks around both.
    ///
    /// # Errors
    /// The question is at fault, the API refused it, or it could not be asked and there is nothing to show instead.
    ///
    /// # Cancellation
    /// Dropping the future ends the call of the API; the breaker counts it neither way.
    pub async fn answer(&self, question: &Question) -> Result<Answer, GenerationError> {
        let answered = (|| self.attempt_once(question))
            .retry(self.waits_between_attempts())
            .when(|error| error.is_failure() && worth_another_attempt())
            .notify(|_, _| self.waits.send_modify(|waits| *waits += 1))
            .await;
        match answered {
            Err(error) if error.is_failure() => self.answer_instead(question, error).await,
            answered => answered,
        }
    }

    /// Makes one call; a rejected one is answered by the steps of `#[fallback]`, and is not tried again.
    async fn attempt_once(&self, question: &Question) -> Result<Answer, GenerationError> {
        let call = Call::new(question);
        let mut answer = self.attempt(&call).await?;
        if answer.source.is_fallback() {
            answer.reason = Some("circuit_breaker_open");
            answer.rejected_after = call.rejected_after.get().copied();
        }
        Ok(answer)
    }

    /// Takes the same steps when the breaker is closed and all attempts have failed.
    ///
    /// The attribute cannot do this: it sits inside the retries, and would serve a fallback after the first failure.
    async fn answer_instead(&self, question: &Question, error: GenerationError) -> Result<Answer, GenerationError> {
        let call = Call::new(question);
        let mut found = self.queued(&call)?;
        if found.is_none() {
            found = self.cached_answer(&call).await;
        }
        let reason = if error.is_timeout() { "timeout" } else { "failure" };
        let answer = found.or_else(|| self.excerpts(&call)).ok_or(error)?;
        tracing::debug!(
            breaker_name = BREAKER,
            fallback_source = answer.source.as_str(),
            fallback_reason = reason,
            "fell back"
        );
        Ok(Answer { reason: Some(reason), ..answer })
    }

    fn waits_between_attempts(&self) -> ExponentialBuilder {
        let waits = ExponentialBuilder::new()
            .with_min_delay(self.retry.min)
            .with_max_delay(self.retry.max)
            .with_factor(2.0)
            .with_max_times(self.retry.attempts.saturating_sub(1));
        if self.retry.jitter { waits.with_jitter() } else { waits }
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

    /// The client of the API.
    #[must_use]
    pub fn client(&self) -> &ApiClient {
        &self.client
    }

    /// Counts the waits between two attempts, each when it begins.
    #[must_use]
    pub fn retry_waits(&self) -> watch::Receiver<u64> {
        self.waits.subscribe()
    }
}

/// Whether another attempt would be let in. Where this one has opened the breaker, waiting for the next one is in vain.
fn worth_another_attempt() -> bool {
    breaker().is_none_or(|breaker| breaker.state().is_healthy())
}

/// The first 200 characters of a text, with a sign that there is more.
fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(EXCERPT_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}
