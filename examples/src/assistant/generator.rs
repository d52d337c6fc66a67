//! The room of the generator: the one call that can fail, its breaker, its retries, and what is served instead.

use std::{sync::OnceLock, time::Instant};

use breaker_core::{circuit_breaker, fallback, retry};

use super::{
    answer::{Answer, Source},
    cache::AnswerCache,
    client::ApiClient,
    config::RetryPolicy,
    error::{GenerationError, ValidationError},
    question::{Question, Wish},
    queue::Queue,
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
}

impl Generator {
    /// A generator that asks the API, keeps its answers, and queues the questions that can wait.
    #[must_use]
    pub const fn new(client: ApiClient, cache: AnswerCache, queue: Queue, retry: RetryPolicy) -> Self {
        Self { client, cache, queue, retry }
    }

    /// Answers a question: the retries go around the breaker, the fallbacks around both.
    ///
    /// A refusal is an answer too, so a 4xx is a success, except for 408 and 429. A question that cannot be asked says
    /// nothing about the API. Everything else is a failure.
    ///
    /// # Errors
    /// The question is at fault, the API refused it, or it could not be asked and there is nothing to show instead.
    ///
    /// # Cancellation
    /// Dropping the future ends the call of the API; the breaker counts it neither way.
    pub async fn answer(&self, question: &Question) -> Result<Answer, GenerationError> {
        self.ask(question, &Asking::new()).await
    }

    // An API that hangs would gather calls until there is no memory or file left, so their number has a limit.
    #[circuit_breaker(
        name = "huggingface_api",
        fail_max = 5,
        recovery_timeout = "30s",
        timeout = "30s",
        max_concurrent = 256,
        critical = true,
        exclude(ValidationError, GenerationError::NoContext),
        success(GenerationError::Http { status: 400..=407 | 409..=428 | 430..=499, .. }),
        classify
    )]
    #[retry(
        attempts = self.retry.attempts,
        min = self.retry.min,
        max = self.retry.max,
        factor = 2.0,
        jitter = self.retry.jitter
    )]
    #[fallback(
        queued = |rejection| self.queued(question, asking, rejection.reason()),
        l1_cache = |rejection| self.cached_answer(question, asking, rejection.reason()).await,
        excerpts = |rejection| self.excerpts(question, asking, rejection.reason()),
        on(open, failure)
    )]
    async fn ask(&self, question: &Question, asking: &Asking) -> Result<Answer, GenerationError> {
        asking.admitted.get_or_init(|| ());
        question.validate()?;
        if question.context.chunks.is_empty() {
            return Err(GenerationError::NoContext);
        }
        let text = self.client.generate(&question.prompt()).await?;
        self.cache.put(question, text.clone()).await;
        Ok(Answer::new(text, Source::Model))
    }

    /// The first step: for those who would rather have the model's answer later than something else now.
    fn queued(
        &self,
        question: &Question,
        asking: &Asking,
        reason: &'static str,
    ) -> Result<Option<Answer>, GenerationError> {
        asking.fell_back.get_or_init(Instant::now);
        // A rejected call never reached its own checks, and nobody waits for the answer to an empty question.
        question.validate()?;
        // Waiting does not bring notes: without any there will never be something to ask the model.
        if question.wish != Wish::AnswerLater || question.context.chunks.is_empty() {
            return Ok(None);
        }
        let id = self.queue.push(question.clone()).ok_or(GenerationError::QueueFull)?;
        Ok(Some(Answer { job: Some(id), ..asking.instead(QUEUED, Source::Queued, reason) }))
    }

    /// The second step: what the model answered when the same user asked the same question.
    async fn cached_answer(&self, question: &Question, asking: &Asking, reason: &'static str) -> Option<Answer> {
        if question.wish != Wish::SomethingNow {
            return None;
        }
        let text = self.cache.get(question).await?;
        Some(asking.instead(text, Source::L1Cache, reason))
    }

    /// The last step: the beginnings of the notes that the model would have read.
    fn excerpts(&self, question: &Question, asking: &Asking, reason: &'static str) -> Option<Answer> {
        let chunks = &question.context.chunks;
        if question.wish != Wish::SomethingNow || chunks.is_empty() {
            return None;
        }
        let excerpts = chunks
            .iter()
            .take(EXCERPTS)
            .map(|found| format!("\n\n{}: {}", found.note.title, beginning(&found.note.text)));
        let text = EXCERPTS_INTRODUCTION.to_owned() + &excerpts.collect::<String>();
        Some(asking.instead(text, Source::Excerpts, reason))
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
}

/// What one question went through, to tell the breaker's own share in an answer.
#[derive(Debug)]
struct Asking {
    started: Instant,
    admitted: OnceLock<()>,
    fell_back: OnceLock<Instant>,
}

impl Asking {
    fn new() -> Self {
        Self { started: Instant::now(), admitted: OnceLock::new(), fell_back: OnceLock::new() }
    }

    /// An answer that is not the model's. Where no attempt was admitted, all that went before was the breaker.
    fn instead(&self, text: impl Into<String>, source: Source, reason: &'static str) -> Answer {
        let fell_back = self.fell_back.get().filter(|_| self.admitted.get().is_none());
        Answer {
            reason: Some(reason),
            rejected_after: fell_back.map(|at| at.duration_since(self.started)),
            ..Answer::new(text, source)
        }
    }
}

/// The first 200 characters of a text, with a sign that there is more.
fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(EXCERPT_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}
