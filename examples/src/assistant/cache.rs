//! The room of the L1 cache: the model's own earlier answers, each for the one user who got it.

use std::time::Duration;

use moka::future::Cache;

use super::question::Question;

/// What an answer belongs to; two users never share one, nor do two states of the notes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    user: String,
    query: String,
    context: Vec<u32>,
}

impl Key {
    fn of(question: &Question) -> Self {
        // Blanks and capitals make no other question; anything more clever could mix two up.
        let query = question.query.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        Self { user: question.user.clone(), query, context: question.context.ids() }
    }
}

/// The model's earlier answers.
#[derive(Clone, Debug)]
pub struct AnswerCache {
    answers: Cache<Key, String>,
}

impl AnswerCache {
    /// A cache for at most `capacity` answers, each kept for `ttl`.
    #[must_use]
    pub fn new(capacity: u64, ttl: Duration) -> Self {
        Self { answers: Cache::builder().max_capacity(capacity).time_to_live(ttl).build() }
    }

    /// The answer that the model gave to this user for this question, if it is still there.
    pub async fn get(&self, question: &Question) -> Option<String> {
        self.answers.get(&Key::of(question)).await
    }

    /// Keeps an answer of the model.
    pub async fn put(&self, question: &Question, answer: String) {
        self.answers.insert(Key::of(question), answer).await;
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.answers.invalidate_all();
    }
}
