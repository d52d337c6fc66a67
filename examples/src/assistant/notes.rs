//! Holds the notes of the assistant, and searches them.

use super::embedding::Embedding;

/// The built-in collection.
const COLLECTION: &str = include_str!("notes.md");

/// Below this cosine a note has nothing to do with the question.
const NEAR_ENOUGH: f32 = 0.14;

/// One note: the unit of embedding, search and quotation.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its place in the collection, which never changes: cache keys contain it.
    pub id: u32,
    /// The heading.
    pub title: String,
    /// The text below the heading, in one line.
    pub text: String,
}

/// A note in a search result.
#[derive(Clone, Debug)]
pub struct Found {
    /// The note.
    pub note: Note,
    /// The cosine of its embedding and the question's.
    pub score: f32,
}

/// The collection with its embeddings.
#[derive(Debug)]
pub struct Notes {
    entries: Vec<(Note, Embedding)>,
}

impl Notes {
    /// The built-in collection.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(COLLECTION)
    }

    /// Reads a collection from Markdown: each `## heading` with the text below it is one note.
    #[must_use]
    pub fn parse(markdown: &str) -> Self {
        let sections = markdown.split("\n## ").map(|section| section.trim_start_matches("## "));
        let notes = sections.filter_map(|section| section.split_once('\n'));
        let entries = notes.zip(0..).map(|((title, text), id)| entry(id, title, text)).collect();
        Self { entries }
    }

    /// The notes nearest to the question, best first; empty when none is near enough.
    #[must_use]
    pub fn search(&self, question: &Embedding, limit: usize) -> Vec<Found> {
        let scored = self.entries.iter().map(|(note, embedding)| (note, question.cosine(embedding)));
        let mut near: Vec<_> = scored.filter(|(_, score)| *score >= NEAR_ENOUGH).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1));
        near.truncate(limit);
        near.into_iter().map(|(note, score)| Found { note: note.clone(), score }).collect()
    }

    /// All notes, in the order of the collection.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.entries.iter().map(|(note, _)| note)
    }
}

fn entry(id: u32, title: &str, text: &str) -> (Note, Embedding) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // The title counts twice: it is the subject of the note.
    let embedding = Embedding::of(&format!("{title} {title} {text}"));
    (Note { id, title: title.trim().to_owned(), text }, embedding)
}

#[cfg(test)]
mod tests {
    use super::{Embedding, Notes};

    #[test]
    fn the_collection_is_read_whole() {
        let notes = Notes::built_in();
        assert!(notes.iter().count() >= 25);
        assert!(notes.iter().all(|note| !note.title.is_empty() && note.text.len() > 100));
    }

    #[test]
    fn a_question_finds_its_note_and_an_odd_one_finds_none() {
        let notes = Notes::built_in();
        let best =
            |question: &str| notes.search(&Embedding::of(question), 3).first().map(|found| found.note.title.clone());
        assert_eq!(best("How do I feed my sourdough starter?").as_deref(), Some("Sourdough starter"));
        assert_eq!(best("When does my passport expire?").as_deref(), Some("Passport and identity card"));
        assert_eq!(best("Why does the Postgres table bloat?").as_deref(), Some("Postgres vacuum"));
        assert_eq!(best("Who won the chess championship in Reykjavik?"), None);
    }
}
