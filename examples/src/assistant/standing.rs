//! What is known of a provider beside its breaker: whether its settings here can work at all, told
//! to those who can change them.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::error::{Fault, GenerationError};

/// So many different questions in a row are refused for what is common to them.
pub const REFUSED_MAX: usize = 20;

/// The log is told of a fault once in this time.
const REMINDER: Duration = Duration::from_secs(60);

/// Whose log it is that answers break off: `ask` shows that itself.
const TELLING: &str = "breaker_examples::assistant::telling";

/// Whether a provider's settings work, as far as its answers tell.
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
    /// Takes in how one call of the provider ended.
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

    /// Tells the log that an answer broke off while it was told, once in a minute.
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

    /// Tells the log once that another model answers than the one asked for.
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

    /// Why the last question was refused that was.
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
        // Nothing in here panics half-way through a change, so a poisoned lock guards sound data.
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

/// Whether a minute is over since the last time; if so, this is one.
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
