//! Defines the report of a configuration check, which has its warnings.

use crate::config::error::{ConfigError, ConfigErrorKind, ConfigErrors, Lines};
use std::fmt;

/// The warnings of a check of the whole configuration: no errors, but most likely not intended. See
/// [`warnings`](Self::warnings).
///
/// `Display` gives one line for each warning, and `no warnings` where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<ConfigError>);

impl Report {
    pub(crate) fn new(warnings: Vec<ConfigError>) -> Self {
        Self(warnings)
    }

    pub(crate) fn into_warnings(self) -> Vec<ConfigError> {
        self.0
    }

    /// The warnings. There is one for each of these:
    ///
    /// - variables, tables of the file, and names given to
    ///   [`Registry::set_config`](crate::Registry::set_config) that belong to no breaker and no
    ///   annotated function, with the nearest known name
    /// - callsites that share a breaker because their *default* names are equal
    /// - breakers that use the same variables
    /// - a subscriber of `tracing` that takes no WARN of the library
    ///
    /// At most 100 names of each kind are reported individually. Each warning but the last kind is
    /// also logged once, at WARN. The check does not know a breaker that is made later. That is one
    /// of [`Registry::breaker`](crate::Registry::breaker), or of an annotated function before its
    /// first call without the feature `register`.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no warnings");
        }
        Lines(&self.0).fmt(f)
    }
}

/// Turns warnings into errors: `Registry::global().load_env().strict()?`.
///
/// Implemented for the results of [`Registry::load_env`](crate::Registry::load_env),
/// [`load_env_from`](crate::Registry::load_env_from), [`load_file`](crate::Registry::load_file) and
/// [`reload`](crate::Registry::reload), and for nothing else.
///
/// ```
/// use breaker_core::{Registry, Strict};
///
/// # fn main() -> Result<(), breaker_core::ConfigErrors> {
/// # let registry = Registry::new();
/// registry.load_env_from([("WETHER_API_CIRCUIT_FAIL_MAX", "3")]).expect("a name that no breaker has is a warning");
/// let errors = registry.load_env_from([("WETHER_API_CIRCUIT_FAIL_MAX", "3")]).strict().unwrap_err();
/// assert!(errors.to_string().contains("WETHER_API_CIRCUIT_FAIL_MAX"));
/// # Ok(())
/// # }
/// ```
pub trait Strict: sealed::Sealed {
    /// The report, if it has no warning but that log lines are filtered out
    /// ([`ConfigErrorKind::Logs`]). A service does not stop because its log level is too high.
    ///
    /// The settings in force are the same as without it.
    ///
    /// # Errors
    /// Every problem and every other warning at once.
    fn strict(self) -> Result<Report, ConfigErrors>;
}

impl Strict for Result<Report, ConfigErrors> {
    fn strict(self) -> Self {
        let (mut problems, warnings) = match self {
            Ok(report) => (Vec::new(), report.0),
            Err(errors) => errors.into_parts(),
        };
        let (logs, warnings): (Vec<_>, Vec<_>) =
            warnings.into_iter().partition(|warning| warning.kind() == ConfigErrorKind::Logs);
        problems.extend(warnings);
        ConfigErrors::check(problems, Report(logs))
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for Result<super::Report, crate::config::error::ConfigErrors> {}
}
