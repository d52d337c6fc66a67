//! What one question went through, to tell the breaker's own share in an answer.

use std::{sync::OnceLock, time::Instant};

use super::{
    answer::{Answer, Source},
    streamed::{self, Events},
};

/// One question on its way.
#[derive(Debug)]
pub struct Asking {
    started: Instant,
    admitted: OnceLock<()>,
    fell_back: OnceLock<Instant>,
    served: OnceLock<Answer>,
}

impl Asking {
    /// A question that comes now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), admitted: OnceLock::new(), fell_back: OnceLock::new(), served: OnceLock::new() }
    }

    /// The breaker has let an attempt in.
    pub fn admitted(&self) {
        self.admitted.get_or_init(|| ());
    }

    /// The first fallback is asked.
    pub fn falls_back(&self) {
        self.fell_back.get_or_init(Instant::now);
    }

    /// This answer in place of the model's. Where no attempt was admitted, all that went before the
    /// fallbacks was the breaker.
    #[must_use]
    pub fn instead(&self, answer: Answer, reason: &'static str) -> Answer {
        let fell_back = self.fell_back.get().filter(|_| self.admitted.get().is_none());
        let rejected_after = fell_back.map(|at| at.duration_since(self.started));
        Answer { reason: Some(reason), rejected_after, ..answer }
    }

    /// This answer as a stream, which has no place for anything but text: the rest stays here.
    pub fn serve(&self, mut answer: Answer) -> Events {
        let text = std::mem::take(&mut answer.text);
        let events = streamed::whole(text, answer.finish);
        self.serve_as(answer);
        events
    }

    /// What is streamed is this answer, whose text is to come.
    pub fn serve_as(&self, answer: Answer) {
        self.served.get_or_init(|| answer);
    }

    /// What is streamed, unless it is the first provider's answer.
    #[must_use]
    pub fn served(self) -> Option<Answer> {
        self.served.into_inner()
    }

    /// The same with this text from this source.
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
