//! Checks the whole configuration for errors and warnings.

use super::placing::lower_layer_applies;
use super::{Entry, RegistryState};
use crate::config::env::Environment;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::file::FileSettings;
use crate::config::layers::Layers;
use crate::config::types::Source;
use crate::config::{duration, excerpt, prefixes, text};
use std::collections::BTreeMap;

impl RegistryState {
    /// Repeats all checks with `f`. Messages that it does not find again are forgotten.
    pub(super) fn review<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        self.logged.begin_review();
        let found = f(self);
        self.remember_conflicts();
        self.logged.end_review();
        found
    }

    /// Conflicts between callsites stay, so they remain remembered as logged.
    fn remember_conflicts(&mut self) {
        for conflict in &self.conflicts {
            self.logged.is_new(&conflict.to_string());
        }
    }

    /// All errors. They are remembered as logged.
    pub(super) fn check(&mut self) -> Vec<ConfigError> {
        let environment = self.environment.get_or_insert_default();
        let every = environment.every();
        let mut problems = every.problems;
        if every.layer.label.is_some() && self.breakers.len() > 1 {
            let message = format!(
                "names one circuit breaker, but there are {}; write <NAME>_CIRCUIT_NAME for one of them",
                self.breakers.len()
            );
            problems.push(ConfigError::new(ConfigErrorKind::Conflict, "CIRCUIT_BREAKER_NAME", message));
        }
        for prefix in self.prefixes.of_breakers() {
            problems.extend(environment.breaker(prefix, &self.prefixes).problems);
        }
        if let Some(environment) = &self.environment {
            problems.extend(self.problems_of_functions(environment));
        }
        for problem in &problems {
            self.logged.is_new(&lower_layer_applies(&problem.to_string()));
        }
        problems.extend(self.conflicts.iter().cloned());
        problems
    }

    /// The problems of a file that is to replace the one before.
    pub(super) fn problems_of_next(&self, file: &FileSettings, environment: &Environment) -> Vec<ConfigError> {
        let mut problems = self.problems_of(file, environment);
        problems.extend(file.follows(&self.file).err());
        problems
    }

    /// The problems of a file for the existing breakers.
    fn problems_of(&self, file: &FileSettings, environment: &Environment) -> Vec<ConfigError> {
        if !file.switches_rules_off() {
            return Vec::new();
        }
        let problems = self.breakers.iter().flat_map(|(name, entry)| {
            let mut layers = Layers::clone(&entry.breaker.layers());
            for (precedence, layer) in self.read(name, entry.merged, file, environment).0 {
                layers.set(precedence, layer);
            }
            layers.problems(name)
        });
        problems.filter(|(source, _)| matches!(source, Source::File(_))).map(|(_, problem)| problem).collect()
    }

    /// The problems that several sources of one breaker have together.
    pub(super) fn problems_across_sources(&self) -> Vec<ConfigError> {
        let problems = |(name, entry): (&String, &Entry)| entry.breaker.layers().problems(name);
        self.breakers.iter().flat_map(problems).map(|(_, problem)| problem).collect()
    }

    /// All warnings: no errors, but most likely not intended. Each is logged, unless it was logged
    /// before.
    pub(super) fn log_warnings(&mut self) -> Vec<ConfigError> {
        let unrecognized = self.environment.as_ref().map(|environment| environment.unrecognized(&self.prefixes));
        let mut odd = unrecognized.unwrap_or_default();
        odd.extend(self.unknown_names());
        odd.extend(self.unknown_functions());
        odd.extend(self.shared_prefixes());
        odd.extend(self.shared_by_default());
        for warning in &odd {
            self.log_once(warning.to_string());
        }
        odd
    }

    /// Names in code and file that no breaker has.
    fn unknown_names(&self) -> Vec<ConfigError> {
        let code = self.configured.keys().map(|name| ("set_config", name));
        let file = self.file.breakers.keys().map(|name| (self.file.path.as_str(), name));
        let unknown = code.chain(file).filter(|(_, name)| !self.breakers.contains_key(*name));
        text::report_each(
            unknown,
            self.breakers.len(),
            |(location, name), hinted| {
                let near = hinted.then(|| text::nearest(name, self.breakers.keys().map(String::as_str))).flatten();
                let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let message = format!("no circuit breaker is named `{}` yet{hint}", excerpt::name(name));
                ConfigError::new(ConfigErrorKind::UnknownName, location, message)
            },
            |more| {
                let message = format!("{more} more names belong to no circuit breaker yet");
                ConfigError::new(ConfigErrorKind::UnknownName, "set_config and file", message)
            },
        )
    }

    /// Breakers that use the same variables, because their names differ in punctuation only.
    fn shared_prefixes(&self) -> Vec<ConfigError> {
        let mut by_prefix: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, entry) in &self.breakers {
            by_prefix.entry(&entry.prefix).or_default().push(name);
        }
        let shared = by_prefix.into_iter().filter(|(_, names)| names.len() > 1);
        let more = |more| {
            let message = format!("{more} more prefixes of variables are shared by circuit breakers");
            ConfigError::new(ConfigErrorKind::SharedName, "names of circuit breakers", message)
        };
        text::first_of(shared, |(prefix, names)| shared_prefix(prefix, &names), more)
    }

    /// Breakers that several owners share because their default names are equal.
    fn shared_by_default(&self) -> Vec<ConfigError> {
        let shared = self.breakers.iter().filter_map(|(name, entry)| entry.shared_by_default(name));
        let more = |more| {
            let message = format!("{more} more default names are shared");
            ConfigError::new(ConfigErrorKind::SharedName, "names of circuit breakers", message)
        };
        text::first_of(shared, |warning| warning, more)
    }

    /// Logs the functions of the breaker `name` that have a time limit but cannot time out.
    pub(super) fn log_unenforceable_timeouts(&mut self, name: &str) {
        let Some(entry) = self.breakers.get(name) else { return };
        let uncut = entry.functions.iter().filter(|known| !known.can_time_out);
        let limited = uncut.filter_map(|known| Some((&known.location, self.limit_of(entry, known)?)));
        let notices: Vec<_> = limited
            .map(|(location, (limit, source))| {
                let limit = duration::show(limit);
                format!(
                    "circuit breaker `{name}`: the time limit of {limit} ({source}) has no effect at {location}, since its calls cannot time out; a time limit needs an `async fn` and the feature `tokio`"
                )
            })
            .collect();
        notices.into_iter().for_each(|notice| self.log_once(notice));
    }
}

impl Entry {
    /// The warning for a breaker that several owners share because their default names are equal.
    pub(super) fn shared_by_default(&self, name: &str) -> Option<ConfigError> {
        if self.by_default.len() < 2 {
            return None;
        }
        let locations: Vec<_> = self.by_default.iter().map(|(_, location)| location.as_str()).collect();
        let message = format!(
            "is shared by {}, since default names omit traits, type arguments and impl blocks, so failures of one reject calls of the other; write a different `name` at each, or the same one to share the breaker",
            listed(&locations)
        );
        Some(ConfigError::new(ConfigErrorKind::SharedName, format!("circuit breaker `{name}`"), message))
    }
}

fn shared_prefix(prefix: &str, names: &[&str]) -> ConfigError {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let message =
        format!("share the variables {}..; give one of them another prefix with `env_prefix`", prefixes::start(prefix));
    ConfigError::new(ConfigErrorKind::SharedName, format!("circuit breakers {}", listed(&names)), message)
}

/// The first ones, and the number of the others.
fn listed(all: &[&str]) -> String {
    const MOST: usize = 10;
    let more = if all.len() > MOST { format!(" and {} more", all.len() - MOST) } else { String::new() };
    format!("{}{more}", all[..all.len().min(MOST)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::Config;
    use crate::registry::declaration::Declared;
    use crate::registry::declaration::Origin;

    #[test]
    fn the_first_shared_default_names_are_reported_and_the_others_counted() {
        let mut state = RegistryState::default();
        for (name, function) in (0..150).flat_map(|name| [(name, 1), (name, 2)]) {
            let (name, location) = (format!("client_{name}"), format!("{name}, {function}"));
            let by_default = Some(Origin::Function(function));
            state.declare(&name, Declared { location, config: Config::new(), can_time_out: true, by_default }, false);
        }
        let found = state.init(Environment::default(), false);
        assert_eq!(found.warnings.len(), 101);
        let last = found.warnings[100].to_string();
        assert_eq!(last, "names of circuit breakers: 50 more default names are shared");
    }
}
