//! Whether a message of the compiler names what users cannot.

/// Lines of rustc's that name the trait or the function which asks for something. They propose
/// nothing to write.
const ASKED_BY: [&str; 4] =
    ["is not implemented for ", "required for `", "required by a bound in `", "required by this bound in `"];

/// Such a line, or part of a message, if there is one: it names something of the expansion, or a
/// module of the library.
pub(crate) fn private_name(text: &str) -> Option<&str> {
    text.lines().find(|line| is_before_a_name(line, "__") || is_before_a_name(line, "breaker_core::"))
}

/// The same but for the lines that say what asks for something.
pub(crate) fn private_proposal(text: &str) -> Option<&str> {
    text.lines().find(|line| private_name(line).is_some() && !ASKED_BY.iter().any(|words| line.contains(words)))
}

fn is_before_a_name(line: &str, word: &str) -> bool {
    let mut after = line.match_indices(word).map(|(at, _)| line[at + word.len()..].chars().next());
    after.any(|next| next.is_some_and(char::is_lowercase))
}
