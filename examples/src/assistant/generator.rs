//! Makes the calls that can fail, with their breakers, retries and fallbacks.

use breaker_core::{CircuitBreakerError, circuit_breaker, fallback, retry};

use super::{
    answer::{Answer, Source},
    asking::Asking,
    cache::AnswerCache,
    config::{RetryPolicy, StreamLimits},
    error::{GenerationError, ValidationError},
    provider::Provider,
    question::Question,
    queue::Queue,
    streamed::Events,
    tokens::Event,
    wire::finish::Finish,
};

/// The name of the breakers, in the registry and as the prefix of their environment variables.
pub const BREAKER: &str = "huggingface_api";

/// The mark after a text that was truncated at its greatest length.
const CUT: &str = " […]";

/// Answers questions through the text-generation API when it can, and from a fallback when it
/// cannot.
#[derive(Debug)]
pub struct Generator {
    pub(super) first: Provider,
    pub(super) second: Option<Provider>,
    pub(super) cache: AnswerCache,
    pub(super) queue: Queue,
    pub(super) retry: RetryPolicy,
    pub(super) limits: StreamLimits,
    pub(super) max_prompt_chars: usize,
}

impl Generator {
    /// Answers a question: the retries go around the breaker, the fallbacks around both.
    ///
    /// The question itself may cause a refusal, so a refusal is a success; the user still gets a
    /// fallback. An invalid question says nothing about the API. Everything else is a failure.
    ///
    /// # Errors
    /// The question is at fault. Or the API refused it or could not be reached, and there is no
    /// fallback.
    ///
    /// # Cancellation
    /// Dropping the future ends the call of the API; the breaker counts it neither way.
    pub async fn answer(&self, question: &Question) -> Result<Answer, GenerationError> {
        let asking = Asking::new();
        match self.ask(question, &asking).await {
            // There is no point in waiting for the API then.
            Err(GenerationError::Refused(fault)) => {
                let instead = match self.second_answer(question, &asking, REFUSED).await {
                    None => self.instead(question, &asking, REFUSED).await,
                    answer => answer,
                };
                instead.ok_or(GenerationError::Refused(fault))
            }
            result => result,
        }
    }

    /// The same as a stream, which begins with its first token. Until then the retries and the
    /// fallbacks apply.
    ///
    /// # Errors
    /// As of [`answer`](Self::answer).
    ///
    /// # Cancellation
    /// Dropping the future, or the stream, ends the call of the API. Before the first token the
    /// breaker counts it neither way, and after it as a success.
    pub async fn stream(&self, question: &Question) -> Result<(Answer, Events), GenerationError> {
        let asking = Asking::new();
        let events = match self.begin(question, &asking).await {
            Err(GenerationError::Refused(fault)) => {
                let instead = match self.second_stream(question, &asking, REFUSED).await {
                    None => self.instead(question, &asking, REFUSED).await.map(|answer| asking.serve(answer)),
                    events => events,
                };
                instead.ok_or(GenerationError::Refused(fault))?
            }
            result => result?,
        };
        let head = asking.served().unwrap_or_else(|| Answer::of_provider(self.first.key(), Source::Model));
        Ok((head, events))
    }

    /// The replacement of an answer that broke off before its first word: as `stream`, without the
    /// provider that was asked.
    pub(super) async fn stream_instead(
        &self,
        question: &Question,
        of: &Answer,
        reason: &'static str,
    ) -> Option<(Answer, Events)> {
        let asking = Asking::new();
        asking.admitted();
        let second = match of.source {
            Source::Model => self.second_stream(question, &asking, reason).await,
            _ => None,
        };
        let events = match second {
            None => asking.serve(self.instead(question, &asking, reason).await?),
            Some(events) => events,
        };
        Some((asking.served()?, events))
    }

    /// The answer without a model: an earlier answer, or excerpts of the notes.
    pub(super) async fn instead(&self, question: &Question, asking: &Asking, reason: &'static str) -> Option<Answer> {
        match self.cached_answer(question, asking, reason).await {
            None => self.excerpts(question, asking, reason),
            cached => cached,
        }
    }

    /// The prompt of a valid question.
    fn prompt(&self, question: &Question) -> Result<String, GenerationError> {
        question.validate()?;
        if question.context.chunks.is_empty() {
            return Err(GenerationError::NoContext);
        }
        let prompt = question.prompt();
        let (chars, most) = (prompt.chars().count(), self.max_prompt_chars);
        if chars > most {
            return Err(ValidationError::LongPrompt { chars, most }.into());
        }
        Ok(prompt)
    }

    /// One call of one provider.
    async fn call(&self, provider: &Provider, question: &Question, source: Source) -> Result<Answer, GenerationError> {
        let prompt = self.prompt(question)?;
        let completion = provider.generate(question, &prompt).await?;
        let mut text = completion.text;
        match completion.finish {
            // A truncated or refused answer, or one with an unknown end, does not belong in the
            // cache.
            Finish::Stop => self.cache.put(question, text.clone()).await,
            Finish::Length => text.push_str(CUT),
            Finish::ToolCalls | Finish::Declined | Finish::Unknown => {}
        }
        let provider = Some(provider.key().to_owned());
        Ok(Answer { provider, finish: Some(completion.finish), ..Answer::new(text, source) })
    }
}

/// Why a question that the API refused has a fallback.
pub(super) const REFUSED: &str = "refused";

// A hanging API would collect calls until memory or file descriptors run out, so their number has a
// limit.
#[circuit_breaker(
    name = "huggingface_api",
    fail_max = 5,
    recovery_timeout = "30s",
    timeout = "30s",
    max_concurrent = 256,
    max_keys = 8,
    // Without it, calls of users who leave a hanging API would count as nothing.
    on_cancel = "10s",
    critical = true,
    exclude(ValidationError, GenerationError::NoContext),
    success(GenerationError::Refused(_)),
    classify
)]
impl Generator {
    #[circuit_breaker(key = self.first.key())]
    #[retry(
        attempts = self.retry.attempts,
        min = self.retry.min,
        max = self.retry.max,
        factor = 2.0,
        jitter = self.retry.jitter,
        when(CircuitBreakerError, GenerationError::is_transient)
    )]
    #[fallback(
        // The second provider's own breaker has the time limit.
        second_provider = within("off", |rejection| self.second_answer(question, asking, rejection.reason()).await),
        queued = |rejection| self.queued(question, asking, rejection.reason()),
        l1_cache = |rejection| self.cached_answer(question, asking, rejection.reason()).await,
        excerpts = |rejection| self.excerpts(question, asking, rejection.reason()),
        on(open, failure)
    )]
    async fn ask(&self, question: &Question, asking: &Asking) -> Result<Answer, GenerationError> {
        asking.admitted();
        self.call(&self.first, question, Source::Model).await
    }

    /// Calls the second provider, once: what is behind it may retry by itself, and attempts
    /// multiply.
    #[circuit_breaker(key = second.key())]
    pub(super) async fn ask_second(&self, second: &Provider, question: &Question) -> Result<Answer, GenerationError> {
        self.call(second, question, Source::SecondProvider).await
    }

    /// The first provider's answer, token by token. It has no queue step, since a stream shows the
    /// answer as it arrives.
    #[circuit_breaker(
        key = self.first.key(),
        stream(first_item = self.limits.first_token, item_timeout = self.limits.token_gap, until = Event::completes)
    )]
    #[retry(
        attempts = self.retry.attempts,
        min = self.retry.min,
        max = self.retry.max,
        factor = 2.0,
        jitter = self.retry.jitter,
        when(CircuitBreakerError, GenerationError::is_transient)
    )]
    #[fallback(
        second_provider = within("off", |rejection| self.second_stream(question, asking, rejection.reason()).await),
        l1_cache = |rejection| Some(asking.serve(self.cached_answer(question, asking, rejection.reason()).await?)),
        excerpts = |rejection| Some(asking.serve(self.excerpts(question, asking, rejection.reason())?)),
        on(open, failure)
    )]
    async fn begin(&self, question: &Question, asking: &Asking) -> Result<Events, GenerationError> {
        asking.admitted();
        self.first.stream(question, &self.prompt(question)?).await
    }

    /// The second provider's answer, token by token.
    #[circuit_breaker(
        key = second.key(),
        stream(first_item = self.limits.first_token, item_timeout = self.limits.token_gap, until = Event::completes)
    )]
    pub(super) async fn begin_second(&self, second: &Provider, question: &Question) -> Result<Events, GenerationError> {
        second.stream(question, &self.prompt(question)?).await
    }
}
