//! Keeps the state of the registry under its lock.
//!
//! It applies settings under that lock, so that older ones never replace newer ones. Logs and
//! reports wait until the lock is released.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | the breakers by name, and their observers |
//! | `placing` | applies the settings of a breaker from all sources |
//! | `functions` | annotated functions and their settings |
//! | `remove` | removes a breaker |
//! | `review` | checks the whole configuration |
//!
//! May use: `declaration`, `call_site` and `logged_once` of `registry`, and `breaker` and what is
//! below it. To add a check of the configuration, add it to `review`.

mod functions;
mod placing;
mod remove;
mod review;

use crate::breaker::handle::CircuitBreaker;
use crate::breaker::pending_reports::PendingReports;
use crate::breaker::report::Observer;
use crate::config::env::Environment;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::file::FileSettings;
use crate::config::keys::Config;
use crate::config::layers::{Layers, Precedence};
use crate::config::prefixes::Prefixes;
use crate::config::types::Source;
use crate::registry::call_site::CallSite;
use crate::registry::declaration::{Declared, Origin};
use crate::registry::logged_once::LoggedOnce;
use crate::sync::Arc;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub(crate) struct RegistryState {
    breakers: BTreeMap<String, Entry>,
    /// The prefixes of the variables of all breakers.
    prefixes: Prefixes,
    observers: Vec<Arc<dyn Observer>>,
    /// Whether the metrics of all breakers are exported.
    #[cfg(feature = "metrics")]
    metered: bool,
    configured: BTreeMap<String, Config>,
    file: FileSettings,
    path: Option<PathBuf>,
    environment: Option<Environment>,
    /// Whether the variables were given in place of those of the process.
    variables_given: bool,
    /// Conflicts between callsites.
    conflicts: Vec<ConfigError>,
    /// The breaker, key and location of each conflict.
    conflicting: HashSet<String>,
    pub(crate) pending: PendingNotifications,
    logged: LoggedOnce,
}

struct Entry {
    breaker: CircuitBreaker,
    /// Its declarations in their order, each location once.
    declared: Vec<Declared>,
    /// The merged settings of these declarations.
    merged: Config,
    /// The prefix of its variables.
    prefix: String,
    /// The locations that declared it by a default name, one for each origin of that name.
    by_default: Vec<(Origin, String)>,
    /// The annotated functions that use it.
    functions: Vec<functions::Known>,
    /// Their longest time limits in force.
    longest: functions::Longest,
}

/// The reports and log lines that wait until the lock is released.
#[derive(Default)]
pub(crate) struct PendingNotifications {
    pub(crate) reports: Vec<(CircuitBreaker, PendingReports)>,
    pub(crate) created: Vec<CircuitBreaker>,
    pub(crate) problems: Vec<String>,
    pub(crate) notices: Vec<String>,
}

/// The findings of a check of the whole configuration.
pub(crate) struct Found {
    /// Errors.
    pub(crate) problems: Vec<ConfigError>,
    /// Warnings: no errors, but most likely not intended.
    pub(crate) warnings: Vec<ConfigError>,
}

impl Found {
    /// A refused change. It changes nothing, so it has no new warnings.
    fn refused(problems: Vec<ConfigError>) -> Self {
        Self { problems, warnings: Vec::new() }
    }
}

impl RegistryState {
    pub(crate) fn get(&self, name: &str) -> Option<CircuitBreaker> {
        self.breakers.get(name).map(|entry| entry.breaker.clone())
    }

    pub(crate) fn all(&self) -> Vec<CircuitBreaker> {
        self.breakers.values().map(|entry| entry.breaker.clone()).collect()
    }

    /// The same for a test. It treats the process's environment as empty.
    #[cfg(feature = "test-util")]
    pub(crate) fn isolated() -> Self {
        Self { environment: Some(Environment::default()), variables_given: true, ..Self::default() }
    }

    /// The breaker or keyed breaker of this name.
    pub(crate) fn find(&self, name: &str) -> Option<CircuitBreaker> {
        if let Some(breaker) = self.get(name) {
            return Some(breaker);
        }
        let inner = name.strip_suffix(']')?;
        // Names and keys may contain brackets too.
        inner
            .match_indices('[')
            .find_map(|(at, _)| self.breakers.get(&inner[..at])?.breaker.known_keyed_breaker(&inner[at + 1..]))
    }

    /// Where the breaker `name` was declared.
    pub(crate) fn call_sites(&self, name: &str) -> Vec<CallSite> {
        let Some(entry) = self.breakers.get(name) else { return Vec::new() };
        let callsite = |declared: &Declared| {
            let known = entry.functions.iter().find(|known| known.location == declared.location);
            let limit = match known {
                Some(known) => self.limit_of(entry, known).filter(|_| known.can_time_out),
                None => {
                    let layers = entry.breaker.layers();
                    layers.call_settings().timeout.time().map(|limit| (limit, layers.source_of_limit()))
                }
            };
            CallSite::new(declared, limit)
        };
        entry.declared.iter().map(callsite).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.breakers.keys().cloned().collect()
    }

    pub(crate) fn observe(&mut self, observer: Arc<dyn Observer>) {
        for entry in self.breakers.values() {
            self.pending.reports.extend(entry.breaker.join_observer(&observer));
        }
        self.observers.push(observer);
    }

    pub(crate) fn remove_observer(&mut self, gone: &Arc<dyn Observer>) {
        self.observers.retain(|one| !Arc::ptr_eq(one, gone));
        for entry in self.breakers.values() {
            self.pending.reports.extend(entry.breaker.leave_observer(gone));
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&mut self) {
        self.metered = true;
        for entry in self.breakers.values() {
            self.pending.reports.extend(entry.breaker.meter_on());
        }
    }

    /// Applies `config`, unless it would leave the breaker without a rule on failures. Returns the
    /// problems.
    pub(crate) fn configure(&mut self, name: &str, config: Config) -> Vec<ConfigError> {
        if let Some(entry) = self.breakers.get(name) {
            let mut layers = Layers::clone(&entry.breaker.layers());
            layers.set(Precedence::SetConfig, config.into());
            let problems = layers.problems(name).into_iter().filter(|(source, _)| *source == Source::SetConfig);
            let problems: Vec<_> = problems.map(|(_, problem)| problem).collect();
            if !problems.is_empty() {
                return problems;
            }
        }
        self.configured.insert(name.to_owned(), config);
        self.keep_prefix(name);
        self.apply(name);
        Vec::new()
    }

    /// The file that was loaded last.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Applies a file, unless it would leave a breaker without a rule on failures. Returns the
    /// problems, or the warnings of the whole configuration.
    pub(crate) fn load(&mut self, file: FileSettings, path: &Path) -> Found {
        self.read_environment();
        let environment = self.environment.take().unwrap_or_default();
        let problems = self.problems_of_next(&file, &environment);
        self.environment = Some(environment);
        if !problems.is_empty() {
            return Found::refused(problems);
        }
        self.file = file;
        self.path = Some(path.to_owned());
        self.review(|state| {
            state.apply_all();
            Found { problems, warnings: state.log_warnings() }
        })
    }

    /// Replaces the variables, applies what is right, and returns all problems and warnings.
    pub(crate) fn init(&mut self, environment: Environment, of_process: bool) -> Found {
        self.environment = Some(environment);
        self.variables_given = !of_process;
        self.review(|state| {
            let mut problems = state.check();
            state.apply_all();
            problems.extend(state.problems_across_sources());
            // The caller gets these problems, so they are not logged.
            state.pending.problems.clear();
            Found { problems, warnings: state.log_warnings() }
        })
    }

    /// Applies what was read again, and returns problems and warnings. Each breaker is changed
    /// once.
    pub(crate) fn reload(&mut self, file: Option<FileSettings>, environment: Environment) -> Found {
        let environment = if self.variables_given { self.environment.take().unwrap_or_default() } else { environment };
        if let Some(file) = file {
            let problems = self.problems_of_next(&file, &environment);
            if !problems.is_empty() {
                // The given variables are still in force.
                if self.variables_given {
                    self.environment = Some(environment);
                }
                return Found::refused(problems);
            }
            self.file = file;
        }
        self.init(environment, !self.variables_given)
    }

    pub(crate) fn declare(&mut self, name: &str, declared: Declared, forever: bool) -> CircuitBreaker {
        if let Some(breaker) = self.get(name) {
            self.merge_declaration(name, &declared);
            return breaker;
        }
        let mut layers = Layers::default();
        for (precedence, layer) in self.layers(name, declared.config) {
            layers.set(precedence, layer);
        }
        let breaker = CircuitBreaker::with_layers(name.to_owned(), layers, forever);
        self.insert(breaker.clone(), declared);
        breaker
    }

    /// Adds a breaker.
    pub(crate) fn insert(&mut self, breaker: CircuitBreaker, declared: Declared) {
        for observer in &self.observers {
            self.pending.reports.extend(breaker.join_observer(observer));
        }
        #[cfg(feature = "metrics")]
        if self.metered {
            self.pending.reports.extend(breaker.meter_on());
        }
        let name = breaker.name().to_owned();
        let merged = declared.config;
        self.pending.created.push(breaker.clone());
        let prefix = self.prefix(&name, merged);
        self.prefixes.add(&prefix);
        let by_default = declared.by_default.clone().map(|origin| (origin, declared.location.clone()));
        let by_default = by_default.into_iter().collect();
        self.breakers.insert(
            name.clone(),
            Entry {
                breaker,
                declared: vec![declared],
                merged,
                prefix,
                by_default,
                functions: Vec::new(),
                longest: functions::Longest::default(),
            },
        );
        self.apply(&name);
        // With a second breaker, a label without a prefix applies to no breaker.
        if self.breakers.len() == 2 {
            self.apply_all();
        }
    }

    /// Merges a further declaration into those of the breaker `name`.
    fn merge_declaration(&mut self, name: &str, new: &Declared) {
        let Some(entry) = self.breakers.get_mut(name) else { return };
        let before = entry.merged;
        let conflicts = entry.merged.merge(&new.config);
        let first = |key: &str| {
            let sets = |one: &&Declared| key == "env_prefix" && one.config.env_prefix.is_some() || one.config.sets(key);
            entry
                .declared
                .iter()
                .find(sets)
                .map_or_else(|| "an earlier declaration".to_owned(), |one| one.location.clone())
        };
        let conflicts: Vec<_> =
            conflicts.into_iter().map(|(key, stands, differs)| (key, first(key), stands, differs)).collect();
        let changed = entry.merged != before;
        if entry.declared.iter().all(|one| one.location != new.location) {
            entry.declared.push(new.clone());
        }
        let shared = new.by_default.as_ref().filter(|new| entry.by_default.iter().all(|(known, _)| known != *new));
        if let Some(origin) = shared {
            entry.by_default.push((origin.clone(), new.location.clone()));
            let notice = entry.shared_by_default(name).map(|warning| warning.to_string());
            notice.into_iter().for_each(|notice| self.log_once(notice));
        }
        for (key, first, stands, differs) in conflicts {
            let location = &new.location;
            // A location that declares other values each time is reported once.
            if !self.conflicting.insert(format!("{name}, {key} at {location}")) {
                continue;
            }
            let message = format!(
                "`{key}` is {stands} at {first} and {differs} at {location}, and the first value applies; write the key once, or give one of them another `name`"
            );
            let conflict = ConfigError::new(ConfigErrorKind::Conflict, format!("circuit breaker `{name}`"), message);
            self.log_problem_once(conflict.to_string());
            self.conflicts.push(conflict);
        }
        if changed {
            self.keep_prefix(name);
            self.apply(name);
        }
    }
}
