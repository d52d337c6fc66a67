//! Holds a question with its notes, and builds the prompt.

use super::{
    embedding::Embedding,
    error::ValidationError,
    notes::{Found, Notes},
};

/// A longer question is refused before a paid call.
pub const MAX_QUERY_CHARS: usize = 2_000;

/// A longer name of a user is refused, since the cache keeps it.
pub const MAX_USER_BYTES: usize = 128;

/// The most notes in a search result.
const MOST_RETRIEVED: usize = 5;

/// The most notes in a prompt.
const MOST_USED: usize = 3;

/// The most characters of notes in a prompt.
const MOST_CHARS: usize = 4_000;

/// What the asker wants when the model is not available at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An answer to read now, even if it is older or plainer than the model's.
    SomethingNow,
    /// The model's own answer, later, under a job id.
    AnswerLater,
    /// The model's own answer or an error: this is a call of the queue itself.
    LiveOnly,
}

/// The notes that were found for a question.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The notes that go into the prompt, best first.
    pub chunks: Vec<Found>,
    /// How many notes the search found, including those that did not fit.
    pub retrieved: usize,
}

impl Context {
    /// Searches the notes, and keeps the best of them that fit into the prompt.
    #[must_use]
    pub fn find(notes: &Notes, query: &str) -> Self {
        let found = notes.search(&Embedding::of(query), MOST_RETRIEVED);
        let retrieved = found.len();
        let mut room = MOST_CHARS;
        let fits = |found: &Found| {
            let left = room.checked_sub(found.note.text.chars().count());
            room = left.unwrap_or_default();
            left.is_some()
        };
        Self { chunks: found.into_iter().take(MOST_USED).take_while(fits).collect(), retrieved }
    }

    /// The ids of the used notes, sorted: two questions with the same ids have the same context.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        let mut ids: Vec<_> = self.chunks.iter().map(|found| found.note.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// Checks a user's input before any work.
///
/// # Errors
/// The question is empty or too long, or the user's name is missing or too long.
pub fn validate(user: &str, query: &str) -> Result<(), ValidationError> {
    let (chars, bytes) = (query.chars().count(), user.len());
    if query.trim().is_empty() {
        Err(ValidationError::EmptyPrompt)
    } else if chars > MAX_QUERY_CHARS {
        Err(ValidationError::TooLong { chars, most: MAX_QUERY_CHARS })
    } else if user.trim().is_empty() {
        Err(ValidationError::NoUser)
    } else if bytes > MAX_USER_BYTES {
        Err(ValidationError::LongUser { bytes, most: MAX_USER_BYTES })
    } else {
        Ok(())
    }
}

/// A user's question, ready to be answered.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who asks.
    pub user: String,
    /// The question's text.
    pub query: String,
    /// The notes that were found for it.
    pub context: Context,
    /// What the asker wants when the model is not available.
    pub wish: Wish,
}

impl Question {
    /// Checks the question without a call of the API.
    ///
    /// # Errors
    /// The question is empty or too long, or the user's name is missing.
    pub fn validate(&self) -> Result<(), ValidationError> {
        validate(&self.user, &self.query)
    }

    /// Removes the farthest notes until the prompt has at most N characters. One note stays.
    pub fn fit(&mut self, most: usize) {
        while self.context.chunks.len() > 1 && self.prompt().chars().count() > most {
            self.context.chunks.pop();
        }
    }

    /// The prompt for the text-generation API.
    #[must_use]
    pub fn prompt(&self) -> String {
        let notes = self.context.chunks.iter().zip(1..);
        let notes: String =
            notes.map(|(found, n)| format!("[{n}] {}: {}\n", found.note.title, found.note.text)).collect();
        format!(
            "Answer the question from these notes only, and briefly.\n\nNotes:\n{notes}\nQuestion: {}\nAnswer:",
            self.query
        )
    }
}
