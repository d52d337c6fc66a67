//! Splits code and questions into the same words, for the full text and the embeddings.

/// Words that say how a question is asked rather than what about, and words that most functions
/// have.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "def", "do", "does", "fn", "for", "from", "has", "have",
    "how", "i", "if", "in", "into", "is", "it", "its", "let", "of", "on", "or", "pub", "self", "so", "that", "the",
    "their", "then", "there", "this", "to", "was", "what", "when", "where", "which", "who", "why", "will", "with",
];

/// The words of a text in lower case and without their endings: `parseRetryAfter` and
/// `parse_retry_after` are `pars`, `retr`, `after`.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .flat_map(humps)
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
}

/// Splits `parseHTTPAnswer` into `parse`, `HTTP` and `Answer`.
fn humps(identifier: &str) -> impl Iterator<Item = &str> {
    let mut rest = identifier;
    std::iter::from_fn(move || {
        let (hump, after) = rest.split_at(hump_end(rest)?);
        rest = after;
        Some(hump)
    })
}

/// The end of the first word of an identifier.
fn hump_end(identifier: &str) -> Option<usize> {
    let mut letters = identifier.char_indices();
    let (_, mut before) = letters.next()?;
    for (at, letter) in letters {
        let next = identifier[at..].chars().nth(1);
        let begins = letter.is_uppercase() && (!before.is_uppercase() || next.is_some_and(char::is_lowercase));
        if begins {
            return Some(at);
        }
        before = letter;
    }
    Some(identifier.len())
}

/// Strips the most common English endings, so that `retry`, `retries` and `retrying` are one word.
fn stem(word: &str) -> &str {
    let without = |word, endings: &[&str]| -> &str {
        let mut stems = endings.iter().filter_map(|ending| str::strip_suffix(word, ending));
        stems.find(|stem| stem.chars().count() >= 3).unwrap_or(word)
    };
    without(without(word, &["ings", "ing", "ies", "es", "ed", "s"]), &["e", "y"])
}

#[cfg(test)]
mod tests {
    use super::words;

    fn of(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn an_identifier_is_the_words_that_it_is_made_of() {
        assert_eq!(of("parse_retry_after"), of("parseRetryAfter"));
        assert_eq!(of("parseHTTPAnswer"), ["pars", "http", "answer"]);
        assert_eq!(of("CamelCase x2 ÄrgerMacht"), ["camel", "cas", "x2", "ärger", "macht"]);
    }

    #[test]
    fn endings_make_no_other_word() {
        assert_eq!(of("retries"), of("how is it retrying"));
        assert_eq!(of("fn is the"), [""; 0]);
    }
}
