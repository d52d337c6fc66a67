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
    /// Something to read now, even if it is older or plainer than an answer of the model.
    SomethingNow,
    /// The model's own answer, later, to be fetched with a job id.
    AnswerLater,
    /// The model's own answer or an error: this is the queue itself asking.
    LiveOnly,
}

/// The notes that were found for a question.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The notes that go into the prompt, best first.
    pub chunks: Vec<Found>,
    /// How many notes the search found, with those that did not fit.
    pub retrieved: usize,
}

impl Context {
    /// Searches the notes, and keeps the best of them as far as the prompt has room.
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

    /// The ids of the notes in use, sorted: two questions with the same ids have the same context.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        let mut ids: Vec<_> = self.chunks.iter().map(|found| found.note.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// Checks what a user sent, before anything is done with it.
///
/// # Errors
/// The words are missing or too many, or nobody is asking, or by a name that is too long.
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
    /// The words.
    pub query: String,
    /// The notes that were found for it.
    pub context: Context,
    /// What the asker wants when the model cannot be asked.
    pub wish: Wish,
}

impl Question {
    /// Checks what can be known without asking anybody.
    ///
    /// # Errors
    /// The words are missing or too many, or nobody is asking.
    pub fn validate(&self) -> Result<(), ValidationError> {
        validate(&self.user, &self.query)
    }

    /// Leaves notes out, the farthest ones first, until the prompt has at most so many characters.
    /// One note stays.
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
