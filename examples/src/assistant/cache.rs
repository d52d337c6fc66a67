//! Keeps the model's earlier answers in memory, each for the one user who got it.

use std::time::Duration;

use moka::future::Cache;

use super::question::Question;

/// The most bytes of an answer, with its question, that count as one. A larger answer counts as
/// several.
const USUAL_BYTES: usize = 4 * 1024;

/// The key of an answer. No two users and no two states of the notes share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    user: String,
    query: String,
    context: Vec<u32>,
}

impl Key {
    fn of(question: &Question) -> Self {
        // Blanks and capitals do not matter; a looser comparison could confuse two questions.
        let query = question.query.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        Self { user: question.user.clone(), query, context: question.context.ids() }
    }
}

/// How many answers of a usual size an answer counts as.
fn weight(key: &Key, answer: &str) -> u32 {
    let bytes = key.user.len() + key.query.len() + size_of_val(&*key.context) + answer.len();
    u32::try_from(bytes.div_ceil(USUAL_BYTES)).unwrap_or(u32::MAX)
}

/// The model's earlier answers.
#[derive(Clone, Debug)]
pub struct AnswerCache {
    answers: Cache<Key, String>,
}

impl AnswerCache {
    /// A cache for at most `capacity` answers of up to 4 KiB, each kept for `ttl`; larger ones
    /// count as several.
    #[must_use]
    pub fn new(capacity: u64, ttl: Duration) -> Self {
        Self {
            answers: Cache::builder()
                .max_capacity(capacity)
                .weigher(|key, answer: &String| weight(key, answer))
                .time_to_live(ttl)
                .build(),
        }
    }

    /// The answer that the model gave to this user for this question, if it is still there.
    pub async fn get(&self, question: &Question) -> Option<String> {
        self.answers.get(&Key::of(question)).await
    }

    /// Keeps an answer of the model.
    pub async fn put(&self, question: &Question, answer: String) {
        self.answers.insert(Key::of(question), answer).await;
    }

    /// Clears the cache.
    pub fn clear(&self) {
        self.answers.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::AnswerCache;
    use crate::assistant::question::{Context, Question, Wish};

    async fn kept(answer: &str) -> usize {
        let cache = AnswerCache::new(10, Duration::from_secs(60));
        let question = |n: usize| Question {
            user: "ada".to_owned(),
            query: format!("question {n}"),
            context: Context::default(),
            wish: Wish::SomethingNow,
        };
        for n in 0..20 {
            cache.put(&question(n), answer.to_owned()).await;
            cache.answers.run_pending_tasks().await;
        }
        usize::try_from(cache.answers.entry_count()).expect("it is small")
    }

    #[tokio::test]
    async fn large_answers_take_the_place_of_several() {
        assert_eq!(kept("short").await, 10);
        assert_eq!(kept(&"long ".repeat(4_000)).await, 2);
        assert_eq!(kept(&"long ".repeat(100_000)).await, 0);
    }
}
