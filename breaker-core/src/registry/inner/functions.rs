//! Keeps the annotated functions of a breaker and their settings.
//!
//! These are the time limit of the attribute, the variables, and the table of the file.

use super::placing::lower_layer_applies;
use super::{Entry, RegistryState};
use crate::config::call_settings::{CallSettings, PublishedCallSettings};
use crate::config::env::{Environment, Reading};
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::file::FileSettings;
use crate::config::keys::Config;
use crate::config::layers::Layer;
use crate::config::ranked::Rank;
use crate::config::types::Source;
use crate::config::{excerpt, text};
use crate::registry::declaration::{Declared, Function};
use crate::sync::{Arc, Ordering};
use std::collections::BTreeSet;
use std::time::Duration;

/// One annotated function.
pub(super) struct Known {
    function: Function,
    /// `module::Type::function`.
    pub(super) path: String,
    /// `file:line (module::Type::function)`.
    pub(super) location: String,
    /// Whether a time limit can end its calls.
    pub(super) can_time_out: bool,
    call_settings: Arc<PublishedCallSettings>,
}

/// The longest time limits of a breaker's functions.
#[derive(Clone, Debug, Default)]
pub(super) struct Longest {
    /// The longest one among all functions with their own limit.
    own: Option<(Duration, Source)>,
    /// The longest one among those that a variable or the file gives.
    of_operator: Option<Duration>,
}

impl Longest {
    fn add(&mut self, limit: Option<Duration>, source: Source, by_operator: bool) {
        let Some(limit) = limit else { return };
        if self.own.as_ref().is_none_or(|(longest, _)| *longest < limit) {
            self.own = Some((limit, source));
        }
        if by_operator {
            self.of_operator = self.of_operator.max(Some(limit));
        }
    }

    fn is_beyond(&self, other: &Self) -> bool {
        let own = |longest: &Self| longest.own.as_ref().map(|(limit, _)| *limit);
        own(self) > own(other) || self.of_operator > other.of_operator
    }
}

impl RegistryState {
    /// Adds the function to the breaker `name`, and returns its settings, which calls read.
    pub(crate) fn add_function(
        &mut self,
        name: &str,
        declared: &Declared,
        function: Function,
    ) -> Arc<PublishedCallSettings> {
        let Some(entry) = self.breakers.get_mut(name) else { return Arc::default() };
        if function.has_key {
            entry.breaker.0.has_key.store(true, Ordering::Relaxed);
        }
        if let Some(known) = entry.functions.iter().find(|known| known.function.callsite == function.callsite) {
            return Arc::clone(&known.call_settings);
        }
        let path = declared.function().unwrap_or_default().to_owned();
        let location = declared.location.clone();
        let known =
            Known { function, path, location, can_time_out: declared.can_time_out, call_settings: Arc::default() };
        let (call_settings, prefix) = (Arc::clone(&known.call_settings), text::prefix(&known.path));
        entry.functions.push(known);
        self.prefixes.add_function(&prefix);
        self.read_environment();
        let mut longest = Longest::default();
        self.apply_function(name, self.breakers[name].functions.len() - 1, &mut longest);
        if longest.is_beyond(&self.breakers[name].longest) {
            self.apply(name);
        }
        self.log_unenforceable_timeouts(name);
        call_settings
    }

    /// Applies the settings of each function of the breaker `name`, and returns their longest time
    /// limits.
    pub(super) fn apply_functions(&mut self, name: &str) -> (Option<(Duration, Source)>, Option<Duration>) {
        let mut longest = Longest::default();
        let functions = self.breakers.get(name).map_or(0, |entry| entry.functions.len());
        (0..functions).for_each(|index| self.apply_function(name, index, &mut longest));
        if let Some(entry) = self.breakers.get_mut(name) {
            entry.longest = longest.clone();
        }
        (longest.own, longest.of_operator)
    }

    fn apply_function(&mut self, name: &str, index: usize, longest: &mut Longest) {
        let environment = self.environment.take().unwrap_or_default();
        let known = &self.breakers[name].functions[index];
        let reading = self.read_function(known, &self.file, &environment);
        let attribute = Config { timeout: known.function.timeout, ..Config::new() };
        let sources = [(Rank::OperatorOfFunction, &reading.layer.config), (Rank::Function, &attribute)];
        known.call_settings.set(CallSettings::of(&sources));
        match (reading.layer.config.timeout, reading.layer.sources.get("timeout")) {
            (Some(limit), Some(source)) => longest.add(limit, source.clone(), true),
            _ => longest.add(known.function.timeout.flatten(), Source::Attribute, false),
        }
        self.environment = Some(environment);
        for problem in reading.problems {
            self.log_problem_once(lower_layer_applies(&problem.to_string()));
        }
        reading.notices.into_iter().for_each(|notice| self.log_once(notice));
    }

    /// Reads the settings of one function from variables and the file.
    fn read_function(&self, known: &Known, file: &FileSettings, environment: &Environment) -> Reading {
        let prefix = text::prefix(&known.path);
        let mut reading = if self.prefixes.is_of_function(&prefix) {
            environment.function(&prefix, &self.prefixes)
        } else {
            Reading::default()
        };
        if let Some(table) = file.functions.get(&known.path) {
            let mut layer = Layer { label: None, ..table.clone() };
            layer.config.overlay(&reading.layer.config);
            layer.sources.append(&mut reading.layer.sources);
            reading.layer = layer;
        }
        reading
    }

    /// The problems of the variables of functions.
    pub(super) fn problems_of_functions(&self, environment: &Environment) -> Vec<ConfigError> {
        let prefixes = self.prefixes.of_functions();
        prefixes.flat_map(|prefix| environment.function(prefix, &self.prefixes).problems).collect()
    }

    /// Tables of the file for unknown functions.
    pub(super) fn unknown_functions(&self) -> Vec<ConfigError> {
        if self.file.functions.is_empty() {
            return Vec::new();
        }
        let known = self.breakers.values().flat_map(|entry| &entry.functions);
        let known: BTreeSet<_> = known.map(|known| known.path.as_str()).collect();
        text::report_each(
            self.file.functions.keys().filter(|path| !known.contains(path.as_str())),
            known.len(),
            |path, hinted| {
                let near = hinted.then(|| text::nearest(path, known.iter().copied())).flatten();
                let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let message = format!("no annotated function is named `{}` yet{hint}", excerpt::name(path));
                ConfigError::new(ConfigErrorKind::UnknownName, &self.file.path, message)
            },
            |more| {
                let message = format!("{more} more tables belong to no annotated function yet");
                ConfigError::new(ConfigErrorKind::UnknownName, &self.file.path, message)
            },
        )
    }

    /// The time limit of calls of this function, if they can time out, with its source. `None`:
    /// there is no limit.
    pub(super) fn limit_of(&self, entry: &Entry, known: &Known) -> Option<(Duration, Source)> {
        let layers = entry.breaker.layers();
        let (own, of_breaker) = (known.call_settings.timeout(), layers.call_settings().timeout);
        let limit = own.max(of_breaker).time()?;
        if own <= of_breaker {
            return Some((limit, layers.source_of_limit()));
        }
        let environment = self.environment.as_ref();
        let reading = environment.map(|environment| self.read_function(known, &self.file, environment));
        let source = reading.and_then(|reading| reading.layer.sources.get("timeout").cloned());
        Some((limit, source.unwrap_or(Source::Attribute)))
    }
}
