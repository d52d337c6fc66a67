//! Finds the breaker or the function of an environment variable.
//!
//! It looks up the parts of the variable's name, and does not search all breakers.

use std::collections::BTreeMap;

/// The text between the prefix of a breaker and a key.
const MARK: &str = "_CIRCUIT_";

/// The prefixes of all breakers and functions.
#[derive(Debug, Default)]
pub(crate) struct Prefixes(BTreeMap<String, Users>);

/// The breakers and functions that have a prefix.
#[derive(Debug, Default)]
struct Users {
    breakers: usize,
    function: bool,
}

impl Prefixes {
    pub(crate) fn add(&mut self, prefix: &str) {
        self.users(prefix).breakers += 1;
    }

    /// Adds the prefix of a function. Functions are never removed.
    pub(crate) fn add_function(&mut self, prefix: &str) {
        self.users(prefix).function = true;
    }

    fn users(&mut self, prefix: &str) -> &mut Users {
        self.0.entry(prefix.to_owned()).or_default()
    }

    pub(crate) fn remove(&mut self, prefix: &str) {
        let Some(users) = self.0.get_mut(prefix) else { return };
        users.breakers = users.breakers.saturating_sub(1);
        if users.breakers == 0 && !users.function {
            self.0.remove(prefix);
        }
    }

    /// Whether only functions have this prefix. Where a breaker has it too, the variables belong to
    /// the breaker.
    pub(crate) fn is_of_function(&self, prefix: &str) -> bool {
        self.0.get(prefix).is_some_and(|users| users.breakers == 0)
    }

    /// The prefixes of breakers, each once.
    pub(crate) fn of_breakers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, users)| users.breakers > 0).map(|(prefix, _)| prefix.as_str())
    }

    /// The prefixes that only functions have, each once.
    pub(crate) fn of_functions(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, users)| users.breakers == 0).map(|(prefix, _)| prefix.as_str())
    }

    /// Each prefix once, in alphabetical order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }

    /// The number of different prefixes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The longest prefix of a breaker or a function that `variable` begins with.
    pub(crate) fn owner<'v>(&self, variable: &'v str) -> Option<&'v str> {
        let bytes = variable.as_bytes();
        let marks = (0..bytes.len()).rev().filter(|at| bytes[*at..].starts_with(MARK.as_bytes()));
        marks.filter_map(|at| variable.get(..at)).find(|prefix| self.0.contains_key(*prefix))
    }
}

/// The beginning of the variables of the breaker with this prefix.
pub(crate) fn start(prefix: &str) -> String {
    format!("{prefix}{MARK}")
}

/// The parts before and behind the first mark of a variable.
pub(crate) fn split(variable: &str) -> Option<(&str, &str)> {
    variable.split_once(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_belongs_to_the_longest_prefix_that_it_begins_with() {
        let mut prefixes = Prefixes::default();
        for prefix in ["API", "API", "API_CIRCUIT_TWO", "API_CIRCUIT", ""] {
            prefixes.add(prefix);
        }
        let owner = |prefixes: &Prefixes, variable: &'static str| prefixes.owner(variable);
        assert_eq!(owner(&prefixes, "API_CIRCUIT_FAIL_MAX"), Some("API"));
        assert_eq!(owner(&prefixes, "API_CIRCUIT_TWO_CIRCUIT_FAIL_MAX"), Some("API_CIRCUIT_TWO"));
        assert_eq!(owner(&prefixes, "API_CIRCUIT_CIRCUIT_FAIL_MAX"), Some("API_CIRCUIT"), "the marks overlap");
        assert_eq!(owner(&prefixes, "_CIRCUIT_FAIL_MAX"), Some(""));
        assert_eq!(owner(&prefixes, "APIS_CIRCUIT_FAIL_MAX"), None);
        assert_eq!(owner(&prefixes, "API_CIRCUI"), None);
        prefixes.remove("API");
        assert_eq!(owner(&prefixes, "API_CIRCUIT_FAIL_MAX"), Some("API"), "another breaker has it too");
        prefixes.remove("API");
        assert_eq!(owner(&prefixes, "API_CIRCUIT_FAIL_MAX"), None);
        assert_eq!((prefixes.len(), prefixes.iter().count()), (3, 3));
    }
}
