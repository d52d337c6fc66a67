//! Answers with the notes' own sentences, so it needs no network and no breaker.

use std::collections::{HashMap, HashSet};

use super::{
    answer::{Answer, Source},
    embedding::telling_words,
    error::GenerationError,
    notes::Notes,
    question::Question,
};

/// The number of sentences in an answer.
const SENTENCES: usize = 2;

/// An extractive model: it picks the sentences that share the rarest words with the question.
#[derive(Debug)]
pub struct LocalModel {
    /// The weight of a word: high for a word that few notes have (inverse document frequency).
    weights: HashMap<String, f32>,
}

impl LocalModel {
    /// Learns the weights of words from the notes.
    ///
    /// # Errors
    /// [`GenerationError::ModelLoad`] when there are no notes.
    pub fn load(notes: &Notes) -> Result<Self, GenerationError> {
        let mut spread: HashMap<String, f32> = HashMap::new();
        let mut count = 0.0_f32;
        for note in notes.iter() {
            count += 1.0;
            let words: HashSet<_> = telling_words(&note.text).chain(telling_words(&note.title)).collect();
            words.into_iter().for_each(|word| *spread.entry(word).or_default() += 1.0);
        }
        if spread.is_empty() {
            let message = "the note collection has no words".to_owned();
            return Err(GenerationError::ModelLoad { message, retry_after: None });
        }
        let weights = spread.into_iter().map(|(word, notes)| (word, (1.0 + count / notes).ln())).collect();
        Ok(Self { weights })
    }

    /// Answers from the question's context.
    ///
    /// # Errors
    /// The question is at fault, or the notes have nothing on it.
    pub fn answer(&self, question: &Question) -> Result<Answer, GenerationError> {
        question.validate()?;
        let texts = question.context.chunks.iter().map(|found| found.note.text.as_str());
        let text = best_sentences(&question.query, texts, |word| self.weights.get(word).copied().unwrap_or(1.0));
        if text.is_empty() { Err(GenerationError::NoContext) } else { Ok(Answer::new(text, Source::LocalModel)) }
    }
}

/// Picks the sentences that share most with the query, and returns them in their original order.
pub(crate) fn best_sentences<'a>(
    query: &str,
    texts: impl Iterator<Item = &'a str>,
    weight: impl Fn(&str) -> f32,
) -> String {
    let asked: HashSet<_> = telling_words(query).collect();
    let sentences = texts.flat_map(|text| text.split_inclusive(". ")).map(str::trim);
    let score = |sentence: &str| {
        let words: HashSet<_> = telling_words(sentence).collect();
        words.intersection(&asked).map(|word| weight(word)).sum::<f32>()
    };
    let mut scored: Vec<_> =
        sentences.enumerate().map(|(place, sentence)| (score(sentence), place, sentence)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.truncate(SENTENCES);
    scored.sort_by_key(|(_, place, _)| *place);
    scored.iter().map(|(_, _, sentence)| *sentence).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{super::question::Context, GenerationError, LocalModel, Notes, Question};
    use crate::assistant::question::Wish;

    #[test]
    fn it_answers_with_the_sentence_that_was_asked_for() {
        let notes = Notes::built_in();
        let query = "When does my passport expire?".to_owned();
        let context = Context::find(&notes, &query);
        let question = Question { user: "ada".to_owned(), query, context, wish: Wish::SomethingNow };
        let answer = LocalModel::load(&notes).expect("the built-in notes have words").answer(&question);
        let answer = answer.expect("the notes have it").text;
        assert!(answer.contains("The passport expires in March 2029"), "{answer}");
    }

    #[test]
    fn without_notes_it_cannot_be_loaded() {
        assert!(matches!(LocalModel::load(&Notes::parse("")), Err(GenerationError::ModelLoad { .. })));
    }
}
