//! What a check of the configuration has found that is no error.

use crate::config::error::{ConfigError, ConfigErrorKind, ConfigErrors, Lines};
use std::fmt;

/// What a look at the whole configuration has found that is no error, but most likely not what was
/// meant: see [`warnings`](Self::warnings).
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

    /// Variables, tables of the file, and names given to
    /// [`Registry::set_config`](crate::Registry::set_config) that belong to no breaker and no
    /// annotated function, with the nearest name of one; call sites that share a breaker because
    /// their *default* names are the same; breakers that obey the same variables; and a subscriber
    /// of `tracing` that takes no WARN of the library.
    ///
    /// At most 100 names of each sort are told one by one. Each warning but the last sort is also
    /// logged once, at WARN. A breaker that is made later (by
    /// [`Registry::breaker`](crate::Registry::breaker), or without the feature `register` at the
    /// first call) is not known yet.
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

/// Makes errors of warnings: `Registry::global().load_env().strict()?`.
///
/// Implemented for what [`Registry::load_env`](crate::Registry::load_env),
/// [`load_env_from`](crate::Registry::load_env_from), [`load`](crate::Registry::load_file) and
/// [`reload`](crate::Registry::reload) give, and for nothing else.
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
    /// The report, if there is nothing to tell but that log lines are filtered out
    /// ([`ConfigErrorKind::Logs`]): a service does not stop because its logs are turned down.
    ///
    /// What is in force is the same as without it.
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
