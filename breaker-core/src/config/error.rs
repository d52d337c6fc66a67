//! Defines configuration errors: what is wrong, where, what was expected, and what to do.

use crate::config::report::Report;
use std::fmt;

/// One problem of the configuration, or one warning ([`Report::warnings`]), for the person who has
/// to fix it.
///
/// It shortens names and values from variables and files. It shows them without characters that
/// begin a line or change its direction. A value appears with at most 32 bytes. If someone put a
/// secret into the wrong variable, that may be a part of it. Keep such messages where logs are
/// kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{location}: {message}")]
pub struct ConfigError {
    kind: ConfigErrorKind,
    location: String,
    message: String,
}

/// The kind of problem of a [`ConfigError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// A value that cannot be read, or is out of its range.
    Value,
    /// A key that does not exist.
    UnknownKey,
    /// Settings or breakers are in conflict:
    ///
    /// - One key is set twice, to different values or in two spellings.
    /// - Two breakers claim one name.
    /// - A breaker that is in use was to be removed.
    /// - A breaker has no capacity for one more key.
    Conflict,
    /// A file that cannot be read, or is not TOML.
    File,
    /// A name that no breaker has: of a variable, of a table, or given to `set_config` or `remove`.
    /// Also: a breaker without a `key` was requested with a key.
    UnknownName,
    /// Several callsites share one breaker, or several breakers share variables, because names
    /// happen to be equal.
    SharedName,
    /// Log lines of the library are filtered out.
    Logs,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, location: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, location: location.into(), message: message.into() }
    }

    pub(crate) fn value(location: &str, key: &str, value: &str, expected: &str) -> Self {
        Self::new(ConfigErrorKind::Value, location, format!("`{key}` is {value}, expected {expected}"))
    }

    pub(crate) fn nameless(location: &str) -> Self {
        Self::new(ConfigErrorKind::Value, location, "a circuit breaker needs a name")
    }

    /// The kind of this problem.
    #[must_use]
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// The location of the problem: an environment variable, a file and its key, a breaker, a
    /// callsite.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// What is wrong there, what was expected, and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Every problem of the configuration at once. `Display` gives one line for each, without the
/// warnings. [`report`](Self::report) has the warnings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Lines(.problems))]
pub struct ConfigErrors {
    problems: Vec<ConfigError>,
    /// The warnings of the same check.
    report: Report,
}

impl ConfigErrors {
    /// Takes at least one problem.
    pub(crate) fn new(problems: Vec<ConfigError>) -> Self {
        Self { problems, report: Report::default() }
    }

    /// `Err` with the problems, each once. `Ok` with the report when there are none.
    pub(crate) fn check(mut problems: Vec<ConfigError>, report: Report) -> Result<Report, Self> {
        let mut known = std::collections::HashSet::new();
        problems.retain(|problem| known.insert(problem.clone()));
        if problems.is_empty() { Ok(report) } else { Err(Self { problems, report }) }
    }

    /// The problems, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.problems.iter()
    }

    /// The number of problems: at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// The warnings of the same check.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Problems and warnings.
    pub(crate) fn into_parts(self) -> (Vec<ConfigError>, Vec<ConfigError>) {
        (self.problems, self.report.into_warnings())
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for ConfigErrors {
    type Item = ConfigError;
    type IntoIter = std::vec::IntoIter<ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.problems.into_iter()
    }
}

/// Shows one line for each problem.
pub(crate) struct Lines<'a>(pub(crate) &'a [ConfigError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{problem}")?;
        }
        Ok(())
    }
}
