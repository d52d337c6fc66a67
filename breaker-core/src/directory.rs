//! Directory: what the registry keeps under its lock. What there is to log or to tell is handed out, or waits.

use crate::breaker::CircuitBreaker;
use crate::config::Config;
use crate::config_error::{ConfigError, ConfigErrorKind};
use crate::env::{Environment, Reading};
use crate::event::Listener;
use crate::file::FileSettings;
use crate::layers::{Layer, Layers, Place};
use crate::spelling;
use crate::sync::Arc;
use std::collections::{BTreeMap, HashSet};

#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) breakers: BTreeMap<String, Entry>,
    pub(crate) listeners: Vec<Arc<dyn Listener>>,
    pub(crate) configured: BTreeMap<String, Config>,
    pub(crate) file: FileSettings,
    pub(crate) environment: Option<Environment>,
    /// Conflicts between call sites.
    conflicts: Vec<ConfigError>,
    pub(crate) waiting: Waiting,
    said: HashSet<String>,
}

pub(crate) struct Entry {
    pub(crate) breaker: CircuitBreaker,
    /// Who declared it, in the order in which they came.
    declared: Vec<(String, Config)>,
}

/// What is to be logged when the lock is let go.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) made: Vec<CircuitBreaker>,
    pub(crate) notices: Vec<String>,
}

pub(crate) type Change = (CircuitBreaker, Vec<(Place, Layer)>);

/// Puts layers in force, which tells listeners: with no lock held.
pub(crate) fn apply(changes: Vec<Change>) {
    for (breaker, layers) in changes {
        breaker.relayer(|own| layers.into_iter().for_each(|(place, layer)| own.set(place, layer)));
    }
}

impl Directory {
    pub(crate) fn all(&self) -> Vec<CircuitBreaker> {
        self.breakers.values().map(|entry| entry.breaker.clone()).collect()
    }

    pub(crate) fn make(&mut self, name: &str, config: Config, place: String, forever: bool) -> CircuitBreaker {
        let mut layers = Layers::default();
        layers.set(Place::Attribute, config.into());
        for (place, layer) in self.layers(name, config.env) {
            layers.set(place, layer);
        }
        let breaker = CircuitBreaker::with_layers(name.to_owned(), layers, forever);
        for listener in &self.listeners {
            breaker.add_shared_listener(Arc::clone(listener));
        }
        self.enter(breaker.clone(), vec![(place, config)]);
        breaker
    }

    pub(crate) fn enter(&mut self, breaker: CircuitBreaker, declared: Vec<(String, Config)>) {
        self.waiting.made.push(breaker.clone());
        self.breakers.insert(breaker.name().to_owned(), Entry { breaker, declared });
    }

    /// Joins a further declaration to those of the breaker `name`. Gives the union, if this is a new one.
    pub(crate) fn unite(&mut self, name: &str, config: Config, place: String) -> Option<Config> {
        let entry = self.breakers.get_mut(name)?;
        if entry.declared.iter().any(|(known, before)| *known == place && *before == config) {
            return None;
        }
        let mut united = Config::new();
        for (_, before) in &entry.declared {
            let _ = united.unite(before);
        }
        let mut conflicts = Vec::new();
        for (key, stands, differs) in united.unite(&config) {
            let sets = |(_, before): &&(String, Config)| key == "env" && before.env.is_some() || before.sets(key);
            let first = entry.declared.iter().find(sets).map_or("elsewhere", |(place, _)| place);
            let message = format!(
                "`{key}` is {stands} at {first} and {differs} at {place}; the first stands: write it once, or \
                 give one of them another name"
            );
            let place = format!("circuit breaker `{name}`");
            conflicts.push(ConfigError::new(ConfigErrorKind::Conflict, place, message));
        }
        entry.declared.push((place, config));
        for conflict in conflicts {
            self.say(conflict.to_string());
            self.conflicts.push(conflict);
        }
        Some(united)
    }

    /// Has `text` logged, if it was not before.
    pub(crate) fn say(&mut self, text: String) {
        if self.said.insert(text.clone()) {
            self.waiting.notices.push(text);
        }
    }

    fn prefix(entry: &Entry) -> String {
        entry.breaker.env_prefix().map_or_else(|| spelling::prefix(entry.breaker.name()), str::to_owned)
    }

    fn prefixes(&self) -> Vec<String> {
        self.breakers.values().map(Self::prefix).collect()
    }

    /// The layers above the attribute for the breaker `name`. What is wrong with them is logged once.
    pub(crate) fn layers(&mut self, name: &str, env: Option<&str>) -> Vec<(Place, Layer)> {
        let prefix = env.map_or_else(|| spelling::prefix(name), str::to_owned);
        let mut prefixes = self.prefixes();
        prefixes.push(prefix.clone());
        let environment = self.environment.get_or_insert_with(Environment::of_process);
        let (every, own) = (environment.every(&prefixes), environment.breaker(&prefix, &prefixes));
        for text in every.problems.iter().chain(&own.problems).map(ToString::to_string) {
            self.say(format!("{text}; the layer below stands"));
        }
        for notice in every.notices.iter().chain(&own.notices) {
            self.say(notice.clone());
        }
        let alone = !self.breakers.keys().any(|other| other != name);
        self.place(name, every, own, alone)
    }

    fn place(&self, name: &str, mut every: Reading, own: Reading, alone: bool) -> Vec<(Place, Layer)> {
        every.layer.label = every.layer.label.filter(|_| alone);
        let configured = self.configured.get(name).copied().unwrap_or_default();
        vec![
            (Place::Configure, configured.into()),
            (Place::FileDefault, self.file.default.clone()),
            (Place::File, self.file.breakers.get(name).cloned().unwrap_or_default()),
            (Place::EnvironmentDefault, every.layer),
            (Place::Environment, own.layer),
        ]
    }

    /// The layers of all breakers anew.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let all: Vec<_> = self.all();
        all.into_iter().map(|breaker| (breaker.clone(), self.layers(breaker.name(), breaker.env_prefix()))).collect()
    }

    /// Everything that is wrong; it counts as said. What is only odd is logged.
    pub(crate) fn check(&mut self) -> Vec<ConfigError> {
        let prefixes = self.prefixes();
        let environment = self.environment.take().unwrap_or_default();
        let every = environment.every(&prefixes);
        let mut problems = every.problems;
        if every.layer.label.is_some() && prefixes.len() > 1 {
            let message = format!(
                "names one circuit breaker, but there are {}; write <NAME>_CIRCUIT_NAME for one of them",
                prefixes.len()
            );
            problems.push(ConfigError::new(ConfigErrorKind::Conflict, "CIRCUIT_BREAKER_NAME", message));
        }
        for prefix in &prefixes {
            problems.extend(environment.breaker(prefix, &prefixes).problems);
        }
        let strangers = environment.strangers(&prefixes);
        self.environment = Some(environment);
        for problem in &problems {
            self.said.insert(format!("{problem}; the layer below stands"));
        }
        problems.extend(self.conflicts.iter().cloned());
        for notice in strangers.into_iter().chain(self.unknown_names()) {
            self.say(notice);
        }
        problems
    }

    /// Names in code and file that no breaker has.
    fn unknown_names(&self) -> Vec<String> {
        let code = self.configured.keys().map(|name| ("configure".to_owned(), name));
        let file = self.file.breakers.keys().map(|name| (self.file.path.clone(), name));
        let unknown = |(place, name): (String, &String)| {
            let hint = match spelling::nearest(name, self.breakers.keys().map(String::as_str)) {
                _ if self.breakers.contains_key(name) => return None,
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            Some(format!("{place}: no circuit breaker is named `{name}` yet{hint}"))
        };
        code.chain(file).filter_map(unknown).collect()
    }
}
