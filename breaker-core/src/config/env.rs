//! Reads environment variables into layers.
//!
//! It reports every problem, and a bad value sets nothing.

use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::excerpt;
use crate::config::layers::Layer;
use crate::config::prefixes::{self, Prefixes};
use crate::config::text::{self, Meaning, is_of_function, no_key_of_function, refused};
use crate::config::types::Source;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The prefix of the variables that apply to every breaker.
const EVERY: &str = "CIRCUIT_BREAKER_";

/// At most this many unknown keys are reported with the nearest known key. Further ones are
/// reported without it.
const MOST_HINTS: usize = 100;

/// The variables that may belong to this library.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, OsString>,
    /// The names of readable variables that apply to every breaker, so that each breaker reads no
    /// others.
    every: Vec<String>,
}

/// The result of reading one layer.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) layer: Layer,
    pub(crate) problems: Vec<ConfigError>,
    /// Things that are worth a log line, but no error.
    pub(crate) notices: Vec<String>,
}

impl Environment {
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = |(name, value): (OsString, OsString)| {
            name.into_string().ok().filter(|name| name.contains("CIRCUIT_")).map(|name| (name, value))
        };
        let variables: BTreeMap<_, _> = variables.into_iter().filter_map(ours).collect();
        let every = begins_with(&variables, EVERY)
            .filter(|name| text::meaning(&name[EVERY.len()..]) != Meaning::Unknown)
            .cloned()
            .collect();
        Self { variables, every }
    }

    pub(crate) fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// Reads the variables that apply to every breaker.
    pub(crate) fn every(&self) -> Reading {
        self.read(EVERY, self.every.iter())
    }

    /// Reads the variables of the breaker with this prefix. A variable of a longer one among
    /// `prefixes` belongs to another breaker.
    pub(crate) fn breaker(&self, prefix: &str, prefixes: &Prefixes) -> Reading {
        let start = prefixes::start(prefix);
        let is_longer = |variable: &&String| prefixes.owner(variable).is_some_and(|owner| owner.len() > prefix.len());
        self.read(&start, begins_with(&self.variables, &start).filter(|variable| !is_longer(variable)))
    }

    /// The same for an annotated function, which has few keys.
    pub(crate) fn function(&self, prefix: &str, prefixes: &Prefixes) -> Reading {
        let mut reading = self.breaker(prefix, prefixes);
        reading.keep_keys_of_functions();
        reading
    }

    /// Variables that look like those of this library, but have an unknown key or breaker. They may
    /// belong to another program.
    pub(crate) fn unrecognized(&self, prefixes: &Prefixes) -> Vec<ConfigError> {
        let mut unrecognized = self.unrecognized_keys(prefixes);
        unrecognized.extend(self.unrecognized_prefixes(prefixes));
        unrecognized
    }

    /// Variables with the prefix for every breaker and an unknown key.
    pub(crate) fn unrecognized_keys(&self, prefixes: &Prefixes) -> Vec<ConfigError> {
        let unrecognized = begins_with(&self.variables, EVERY)
            .filter(|name| text::meaning(&name[EVERY.len()..]) == Meaning::Unknown && prefixes.owner(name).is_none());
        text::report_each(
            unrecognized,
            crate::config::keys::KEYS.len(),
            |name, _| {
                let hint = text::variable_hint(EVERY, &name[EVERY.len()..]);
                let message = format!("is not a setting of circuit breakers and is ignored; {hint}");
                unknown(ConfigErrorKind::UnknownKey, name, message)
            },
            |more| {
                let message = format!("{more} more variables with this prefix are not settings of circuit breakers");
                ConfigError::new(ConfigErrorKind::UnknownKey, EVERY, message)
            },
        )
    }

    fn unrecognized_prefixes(&self, prefixes: &Prefixes) -> Vec<ConfigError> {
        let unrecognized = self.variables.keys().filter(|name| !name.starts_with(EVERY)).filter_map(|name| {
            let (prefix, spelling) = prefixes::split(name)?;
            let is_unrecognized = prefixes.owner(name).is_none() && text::meaning(spelling) != Meaning::Unknown;
            is_unrecognized.then_some((name, prefix, spelling))
        });
        text::report_each(
            unrecognized,
            prefixes.len(),
            |(name, prefix, spelling), hinted| {
                let near = hinted.then(|| text::nearest(prefix, prefixes.iter())).flatten();
                let hint = near
                    .map_or_else(String::new, |near| format!("; did you mean {}{spelling}?", prefixes::start(near)));
                let message = format!("belongs to no known circuit breaker and is ignored{hint}");
                unknown(ConfigErrorKind::UnknownName, name, message)
            },
            |more| {
                let message = format!("{more} more variables belong to no known circuit breaker and are ignored");
                ConfigError::new(ConfigErrorKind::UnknownName, "environment", message)
            },
        )
    }

    fn read<'v>(&'v self, start: &str, variables: impl Iterator<Item = &'v String>) -> Reading {
        let mut reading = Reading::default();
        let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for variable in variables {
            let spelling = &variable[start.len()..];
            match text::meaning(spelling) {
                Meaning::Key(key) => found.entry(key).or_default().push(variable),
                Meaning::Older(key) => {
                    found.entry(key).or_default().push(variable);
                    let newer = text::variable(key);
                    reading
                        .notices
                        .push(format!("{variable} is an old name and is read as {start}{newer}; write the new name"));
                }
                Meaning::Label => found.entry("NAME").or_default().push(variable),
                Meaning::BareTimeout => reading.problems.push(bare_timeout(variable, start)),
                Meaning::Unknown => reading.unknown_key(variable, start, spelling),
            }
        }
        for (key, variables) in found {
            match variables[..] {
                [variable] => self.take(&mut reading, key, variable),
                _ => reading.problems.push(twice(key, &variables)),
            }
        }
        reading.leave_contradictions_out();
        reading
    }

    /// Reads the one variable that sets `key`.
    fn take(&self, reading: &mut Reading, key: &str, variable: &str) {
        let mut problem = |message: String| {
            reading.problems.push(ConfigError::new(ConfigErrorKind::Value, variable, message));
        };
        let Some(text) = self.variables[variable].to_str().map(str::trim) else {
            return problem("the value is not UTF-8".to_owned());
        };
        if key == "NAME" {
            match text {
                "" => problem("is empty, expected the name for logs and metrics".to_owned()),
                label => reading.layer.label = Some(label.to_owned()),
            }
            return;
        }
        match reading.layer.config.read(key, text) {
            Some(Ok(())) => {
                let key = crate::config::keys::KEYS.iter().find(|known| **known == key);
                let source = Source::Environment(variable.to_owned());
                reading.layer.sources.extend(key.map(|key| (*key, source)));
            }
            Some(Err(expected)) => {
                problem(refused(key, text, expected));
            }
            None => {}
        }
    }
}

impl Reading {
    fn unknown_key(&mut self, variable: &str, start: &str, spelling: &str) {
        let hint = match self.problems.len() {
            0..MOST_HINTS => format!("; {}", text::variable_hint(start, spelling)),
            _ => String::new(),
        };
        let message = format!("there is no key `{}`{hint}", excerpt::name(spelling));
        self.problems.push(unknown(ConfigErrorKind::UnknownKey, variable, message));
    }

    fn keep_keys_of_functions(&mut self) {
        self.layer.label = None;
        let others = self.layer.sources.keys().copied().filter(|key| !is_of_function(key));
        for key in others.collect::<Vec<_>>() {
            let variable = self.layer.sources.remove(key).map_or_else(String::new, |source| match source {
                Source::Environment(variable) => variable,
                other => other.to_string(),
            });
            self.layer.config.unset(key);
            let message = no_key_of_function(key);
            self.problems.push(ConfigError::new(ConfigErrorKind::UnknownKey, variable, message));
        }
    }

    /// Leaves out one of two variables that contradict each other.
    fn leave_contradictions_out(&mut self) {
        for wrong in self.layer.config.contradictions() {
            let variable = self.layer.sources.remove(wrong.key);
            let location = variable.map_or_else(
                || wrong.key.to_owned(),
                |source| match source {
                    Source::Environment(variable) => variable,
                    other => other.to_string(),
                },
            );
            let message = format!("is `{}`, expected {}", self.layer.config.shown(wrong.key), wrong.expected);
            self.problems.push(ConfigError::new(ConfigErrorKind::Value, location, message));
            self.layer.config.unset(wrong.key);
        }
    }
}

fn begins_with<'v>(variables: &'v BTreeMap<String, OsString>, start: &'v str) -> impl Iterator<Item = &'v String> {
    variables.range(start.to_owned()..).map(|(name, _)| name).take_while(move |name| name.starts_with(start))
}

/// A problem of a variable whose name was not checked.
fn unknown(kind: ConfigErrorKind, variable: &str, message: String) -> ConfigError {
    ConfigError::new(kind, excerpt::name(variable).to_string(), message)
}

fn bare_timeout(variable: &str, start: &str) -> ConfigError {
    let message = format!(
        "`TIMEOUT` can mean two things; write {start}CALL_TIMEOUT for the time limit of a call, or \
         {start}RECOVERY_TIMEOUT for how long the breaker stays open"
    );
    ConfigError::new(ConfigErrorKind::UnknownKey, variable, message)
}

fn twice(key: &str, variables: &[&str]) -> ConfigError {
    let location = variables.join(" and ");
    let message = format!("both set `{key}`, so neither applies; keep one of them");
    ConfigError::new(ConfigErrorKind::Conflict, location, message)
}
