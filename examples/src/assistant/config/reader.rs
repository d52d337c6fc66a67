//! Reads variables one by one, and reports what each invalid one should be.

use std::{str::FromStr, time::Duration};

use super::ConfigProblem;
use crate::assistant::secret::Secret;

/// A value that errors do not repeat: it may be or contain a secret.
const NOT_SHOWN: &str = "(not shown)";

/// Reads variables one by one, and collects the problems.
pub(super) struct Reader<L> {
    lookup: L,
    problems: Vec<ConfigProblem>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    pub(super) fn new(lookup: L) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// The settings, if there was no problem.
    pub(super) fn done<C>(self, config: C) -> Result<C, Vec<ConfigProblem>> {
        if self.problems.is_empty() { Ok(config) } else { Err(self.problems) }
    }

    /// The trimmed value of a variable; an empty one counts as not set.
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A token for a header.
    pub(super) fn secret(&mut self, variable: &'static str) -> Option<Secret> {
        let token = self.get(variable)?;
        if token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(Secret::new(token));
        }
        self.hidden_problem(variable, "visible ASCII characters without a blank");
        None
    }

    /// A word for a header, a body or an address.
    pub(super) fn word(&mut self, variable: &'static str) -> Option<String> {
        let word = self.get(variable)?;
        if word.len() <= 200 && word.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(word);
        }
        self.problem(variable, word, "at most 200 visible ASCII characters without a blank");
        None
    }

    pub(super) fn dashboard_token(&mut self) -> Option<Secret> {
        let token = self.get("DASHBOARD_TOKEN")?;
        if (16..=256).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(Secret::new(token));
        }
        let expected =
            "16 to 256 visible ASCII characters that nobody can guess, for instance from `openssl rand -hex 32`";
        self.hidden_problem("DASHBOARD_TOKEN", expected);
        None
    }

    pub(super) fn number<T: FromStr>(
        &mut self,
        variable: &'static str,
        expected: &'static str,
        fits: impl Fn(&T) -> bool,
        target: &mut T,
    ) {
        let Some(value) = self.get(variable) else { return };
        match value.parse() {
            Ok(number) if fits(&number) => *target = number,
            _ => self.problem(variable, value, expected),
        }
    }

    pub(super) fn seconds(&mut self, variable: &'static str, target: &mut Duration) {
        let mut seconds = target.as_secs();
        self.number(variable, "a whole number of seconds from 1", |n| *n >= 1, &mut seconds);
        *target = Duration::from_secs(seconds);
    }

    pub(super) fn problem(&mut self, variable: &'static str, value: String, expected: &'static str) {
        self.problems.push(ConfigProblem { variable, value, expected });
    }

    /// A problem with a value that the error does not repeat.
    pub(super) fn hidden_problem(&mut self, variable: &'static str, expected: &'static str) {
        self.problem(variable, NOT_SHOWN.to_owned(), expected);
    }
}
