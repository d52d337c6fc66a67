//! Measures the steps of one question, to find the breaker's own share of an answer.

use std::{sync::OnceLock, time::Instant};

use super::{
    answer::{Answer, Source},
    streamed::{self, Events},
};

/// One question in flight.
#[derive(Debug)]
pub struct Asking {
    started: Instant,
    admitted: OnceLock<()>,
    fell_back: OnceLock<Instant>,
    served: OnceLock<Answer>,
}

impl Asking {
    /// A question that arrives now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), admitted: OnceLock::new(), fell_back: OnceLock::new(), served: OnceLock::new() }
    }

    /// The breaker has admitted an attempt.
    pub fn admitted(&self) {
        self.admitted.get_or_init(|| ());
    }

    /// The first fallback begins.
    pub fn falls_back(&self) {
        self.fell_back.get_or_init(Instant::now);
    }

    /// Uses this answer in place of the model's. Where no attempt was admitted, all time before the
    /// fallbacks was the breaker's.
    #[must_use]
    pub fn instead(&self, answer: Answer, reason: &'static str) -> Answer {
        let fell_back = self.fell_back.get().filter(|_| self.admitted.get().is_none());
        let rejected_after = fell_back.map(|at| at.duration_since(self.started));
        Answer { reason: Some(reason), rejected_after, ..answer }
    }

    /// Uses this answer as a stream. The stream has only text, so the rest stays here.
    pub fn serve(&self, mut answer: Answer) -> Events {
        let text = std::mem::take(&mut answer.text);
        let events = streamed::whole(text, answer.finish);
        self.serve_as(answer);
        events
    }

    /// The stream is this answer, whose text is still to come.
    pub fn serve_as(&self, answer: Answer) {
        self.served.get_or_init(|| answer);
    }

    /// The streamed answer, unless it is the first provider's.
    #[must_use]
    pub fn served(self) -> Option<Answer> {
        self.served.into_inner()
    }

    /// Uses an answer with this text from this source.
    #[must_use]
    pub fn text(&self, text: impl Into<String>, source: Source, reason: &'static str) -> Answer {
        self.instead(Answer::new(text, source), reason)
    }
}

impl Default for Asking {
    fn default() -> Self {
        Self::new()
    }
}
