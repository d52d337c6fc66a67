//! Records whether a provider's settings work at all, and reports it to the operators.
//!
//! A breaker cannot know this.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::error::{Fault, GenerationError};

/// This number of different questions in a row without an answer means that they share the cause.
pub const REFUSED_MAX: usize = 20;

/// The interval between two log lines about one fault.
const REMINDER: Duration = Duration::from_secs(60);

/// The log target for answers that break off: `ask` shows these itself.
const TELLING: &str = "breaker_examples::assistant::telling";

/// Whether a provider's settings work, as far as its answers show.
#[derive(Debug, Default)]
pub struct Standing(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    fault: Option<Fault>,
    /// The hashes of the questions that were refused since the last answer.
    refused: HashSet<u64>,
    refusal: Option<Fault>,
    reminded: Option<Instant>,
    cut_told: Option<Instant>,
    model_told: bool,
}

impl Standing {
    /// Records how one call of the provider ended.
    pub fn note<T>(&self, provider: &str, query: &str, result: &Result<T, GenerationError>) {
        match result {
            Ok(_) => {
                let mut known = self.lock();
                known.fault = None;
                known.refused.clear();
            }
            Err(GenerationError::Misconfigured(fault)) => self.lock().blame(provider, fault),
            Err(GenerationError::Refused(fault)) => {
                let mut known = self.lock();
                known.refusal = Some(fault.clone());
                if known.refused.len() < REFUSED_MAX {
                    known.refused.insert(hash(query));
                }
                if known.refused.len() >= REFUSED_MAX {
                    known.blame(provider, fault);
                }
            }
            // An outage says nothing about the settings.
            Err(_) => {}
        }
    }

    /// Logs that an answer broke off while a user read it, at most once a minute.
    pub fn note_cut(&self, provider: &str, error: &GenerationError) {
        let error = error.to_string();
        if is_due(&mut self.lock().cut_told) {
            tracing::warn!(
                target: TELLING,
                provider,
                error,
                "an answer broke off while it was told; for a minute the next ones are at DEBUG"
            );
        } else {
            tracing::debug!(target: TELLING, provider, error, "an answer broke off while it was told");
        }
    }

    /// Logs once that another model answers than the requested one.
    pub fn note_model(&self, provider: &str, asked: &str, answered: &str) {
        let mut known = self.lock();
        if asked != answered && !known.model_told {
            known.model_told = true;
            tracing::warn!(
                provider,
                asked,
                answered,
                "the text-generation API answers with another model than the one asked for"
            );
        }
    }

    /// Why the API refused the last refused question.
    #[must_use]
    pub fn refusal(&self) -> Option<Fault> {
        self.lock().refusal.clone()
    }

    /// What is wrong with the settings, in the provider's words.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.lock().fault.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // No code under this lock panics in the middle of a change, so a poisoned lock guards valid
        // data.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn blame(&mut self, provider: &str, fault: &Fault) {
        if is_due(&mut self.reminded) {
            let error = fault.to_string();
            tracing::warn!(provider, error, "the text-generation API answers nobody until its settings are changed");
        }
        self.fault = Some(fault.clone());
    }
}

/// Whether a minute has passed since the last time; if so, this call counts as the last time.
fn is_due(last: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let due = last.is_none_or(|at| now.duration_since(at) >= REMINDER);
    if due {
        *last = Some(now);
    }
    due
}

fn hash(query: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    query.hash(&mut hasher);
    hasher.finish()
}
