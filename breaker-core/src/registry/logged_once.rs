//! Remembers logged messages, so that each is logged once while it applies.

use std::collections::HashSet;

/// The messages that apply. A review repeats all checks and forgets what it does not find. Memory
/// does not grow with problems that were fixed long ago.
#[derive(Default)]
pub(crate) struct LoggedOnce {
    now: HashSet<String>,
    /// The messages that applied before the current review.
    before: HashSet<String>,
}

impl LoggedOnce {
    /// Begins a review. A message that does not occur again before [`end_review`](Self::end_review)
    /// is forgotten.
    pub(crate) fn begin_review(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    pub(crate) fn end_review(&mut self) {
        self.before = HashSet::new();
    }

    /// Remembers a message, and returns whether it is new.
    pub(crate) fn is_new(&mut self, text: &str) -> bool {
        if self.now.contains(text) {
            return false;
        }
        let known = self.before.take(text);
        let is_new = known.is_none();
        self.now.insert(known.unwrap_or_else(|| text.to_owned()));
        is_new
    }

    /// How many messages are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.now.len() + self.before.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_new_once_until_a_review_does_not_find_it_any_more() {
        let mut logged = LoggedOnce::default();
        assert!(logged.is_new("a") && logged.is_new("b") && !logged.is_new("a"));
        logged.begin_review();
        assert!(!logged.is_new("a") && !logged.is_new("a"));
        logged.end_review();
        assert_eq!(logged.len(), 1);
        assert!(!logged.is_new("a") && logged.is_new("b"));
    }
}
