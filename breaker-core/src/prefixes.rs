//! Finds the breaker that an environment variable belongs to, by the parts of the variable's name and not by a look at each breaker.

use std::collections::BTreeMap;

/// What stands between the prefix of a breaker and a key.
const MARK: &str = "_CIRCUIT_";

/// The prefixes of all breakers, each with the number of breakers that have it.
#[derive(Debug, Default)]
pub(crate) struct Prefixes(BTreeMap<String, usize>);

impl Prefixes {
    pub(crate) fn add(&mut self, prefix: &str) {
        match self.0.get_mut(prefix) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(prefix.to_owned(), 1)),
        }
    }

    pub(crate) fn remove(&mut self, prefix: &str) {
        match self.0.get_mut(prefix) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.0.remove(prefix)),
        }
    }

    /// Each prefix once, in alphabetical order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }

    /// How many different ones there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The longest prefix of a breaker that `variable` begins with.
    pub(crate) fn owner<'v>(&self, variable: &'v str) -> Option<&'v str> {
        let bytes = variable.as_bytes();
        let marks = (0..bytes.len()).rev().filter(|at| bytes[*at..].starts_with(MARK.as_bytes()));
        marks.filter_map(|at| variable.get(..at)).find(|prefix| self.0.contains_key(*prefix))
    }
}

/// How the variables of the breaker with this prefix begin.
pub(crate) fn start(prefix: &str) -> String {
    format!("{prefix}{MARK}")
}

/// What stands before and behind the first mark of a variable.
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
