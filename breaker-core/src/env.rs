//! Environment: variables read into layers, with every problem told and nothing bad obeyed.

use crate::config::Source;
use crate::config_error::{ConfigError, ConfigErrorKind};
use crate::config_value::refused;
use crate::layers::Layer;
use crate::spelling::{self, Meaning};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The prefix of the variables that hold for every breaker.
const EVERY: &str = "CIRCUIT_BREAKER_";

/// The variables that may be ours.
#[derive(Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

/// What was read for one layer.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) layer: Layer,
    pub(crate) problems: Vec<ConfigError>,
    /// What a person should know, though it is no error.
    pub(crate) notices: Vec<String>,
}

impl Environment {
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = |(name, value): (OsString, OsString)| {
            name.into_string().ok().filter(|name| name.contains("CIRCUIT_")).map(|name| (name, value))
        };
        Self(variables.into_iter().filter_map(ours).collect())
    }

    pub(crate) fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// What holds for every breaker. An unknown key may be somebody else's variable.
    pub(crate) fn every(&self, prefixes: &[String]) -> Reading {
        let known = |variable: &str| prefixes.iter().any(|prefix| variable.starts_with(&specific(prefix)));
        self.read(EVERY, known, |reading, variable, spelling| {
            let hint = spelling::variable_hint(spelling);
            reading.notices.push(format!("{variable} is no setting of circuit breakers and is left alone; {hint}"));
        })
    }

    /// What holds for the breaker with this prefix. Variables of a longer one among `prefixes` are not its.
    pub(crate) fn breaker(&self, prefix: &str, prefixes: &[String]) -> Reading {
        let start = specific(prefix);
        let longer = |variable: &str| {
            let mut others = prefixes.iter().filter(|other| other.len() > prefix.len());
            others.any(|other| variable.starts_with(&specific(other)))
        };
        self.read(&start, longer, |reading, variable, spelling| {
            let message = format!("there is no key `{spelling}`; {}", spelling::variable_hint(spelling));
            reading.problems.push(ConfigError::new(ConfigErrorKind::UnknownKey, variable, message));
        })
    }

    /// Variables that look like ours, of breakers that nobody knows.
    pub(crate) fn strangers(&self, prefixes: &[String]) -> Vec<String> {
        let mut notices = Vec::new();
        for variable in self.0.keys().filter(|variable| !variable.starts_with(EVERY)) {
            let Some((prefix, spelling)) = variable.split_once("_CIRCUIT_") else { continue };
            let known = prefixes.iter().any(|known| variable.starts_with(&specific(known)));
            if known || spelling::meaning(spelling) == Meaning::Unknown {
                continue;
            }
            let hint = match spelling::nearest(prefix, prefixes.iter().map(String::as_str)) {
                Some(near) => format!("; did you mean {near}_CIRCUIT_{spelling}?"),
                None => String::new(),
            };
            notices.push(format!("{variable} belongs to no known circuit breaker and is left alone{hint}"));
        }
        notices
    }

    fn read(&self, start: &str, other: impl Fn(&str) -> bool, unknown: impl Fn(&mut Reading, &str, &str)) -> Reading {
        let mut reading = Reading::default();
        let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (variable, _) in self.0.range(start.to_owned()..).take_while(|(name, _)| name.starts_with(start)) {
            let spelling = &variable[start.len()..];
            match spelling::meaning(spelling) {
                _ if other(variable) => {}
                Meaning::Key(key) => found.entry(key).or_default().push(variable),
                Meaning::Older(key) => {
                    found.entry(key).or_default().push(variable);
                    let newer = spelling::variable(key);
                    reading.notices.push(format!("{variable} was taken for {start}{newer}; write that instead"));
                }
                Meaning::Label => found.entry("NAME").or_default().push(variable),
                Meaning::BareTimeout => reading.problems.push(bare_timeout(variable, start)),
                Meaning::Unknown => unknown(&mut reading, variable, spelling),
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

    /// Reads the one variable that says what `key` is.
    fn take(&self, reading: &mut Reading, key: &str, variable: &str) {
        let mut problem = |message: String| {
            reading.problems.push(ConfigError::new(ConfigErrorKind::Value, variable, message));
        };
        let Some(text) = self.0[variable].to_str().map(str::trim) else {
            return problem("the value is not UTF-8".to_owned());
        };
        if key == "NAME" {
            match text {
                "" => problem("is empty, expected the name that logs and metrics shall show".to_owned()),
                label => reading.layer.label = Some(label.to_owned()),
            }
            return;
        }
        match reading.layer.config.read(key, text) {
            Some(Ok(())) => {
                let key = crate::config::KEYS.iter().find(|known| **known == key);
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
    /// Of two variables that contradict each other one is left out.
    fn leave_contradictions_out(&mut self) {
        for wrong in self.layer.config.contradictions() {
            let variable = self.layer.sources.remove(wrong.key);
            let place = variable.map_or_else(
                || wrong.key.to_owned(),
                |source| match source {
                    Source::Environment(variable) => variable,
                    other => other.to_string(),
                },
            );
            let message = format!("is `{}`, expected {}", self.layer.config.shown(wrong.key), wrong.expected);
            self.problems.push(ConfigError::new(ConfigErrorKind::Value, place, message));
            self.layer.config.unset(wrong.key);
        }
    }
}

fn specific(prefix: &str) -> String {
    format!("{prefix}_CIRCUIT_")
}

fn bare_timeout(variable: &str, start: &str) -> ConfigError {
    let message = format!(
        "`TIMEOUT` can mean two things; write {start}CALL_TIMEOUT for the time limit of a call, or \
         {start}RECOVERY_TIMEOUT for how long the breaker stays open"
    );
    ConfigError::new(ConfigErrorKind::UnknownKey, variable, message)
}

fn twice(key: &str, variables: &[&str]) -> ConfigError {
    let place = variables.join(" and ");
    let message = format!("both set `{key}`, so neither is obeyed; keep one of them");
    ConfigError::new(ConfigErrorKind::Conflict, place, message)
}
