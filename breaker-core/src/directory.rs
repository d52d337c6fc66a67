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
    declared: Vec<Declared>,
}

/// What a call site, or somebody with a `Config`, said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) place: String,
    pub(crate) config: Config,
    /// Whether a time limit can end its calls.
    pub(crate) can_be_cut: bool,
}

/// What is to be logged when the lock is let go.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) made: Vec<CircuitBreaker>,
    pub(crate) problems: Vec<String>,
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

    /// The breaker of this name, or the member of a family.
    pub(crate) fn find(&self, name: &str) -> Option<CircuitBreaker> {
        if let Some(entry) = self.breakers.get(name) {
            return Some(entry.breaker.clone());
        }
        let inner = name.strip_suffix(']')?;
        // Names and values may have brackets of their own.
        inner
            .match_indices('[')
            .find_map(|(at, _)| self.breakers.get(&inner[..at])?.breaker.known_member(&inner[at + 1..]))
    }

    pub(crate) fn make(&mut self, name: &str, declared: Declared, forever: bool) -> CircuitBreaker {
        let mut layers = Layers::default();
        layers.set(Place::Attribute, declared.config.into());
        for (place, layer) in self.layers(name, declared.config.env) {
            layers.set(place, layer);
        }
        let breaker = CircuitBreaker::with_layers(name.to_owned(), layers, forever);
        for listener in &self.listeners {
            breaker.add_shared_listener(listener);
        }
        if let Some(notice) = uncut(&breaker, &declared) {
            self.say(notice);
        }
        self.enter(breaker.clone(), vec![declared]);
        breaker
    }

    pub(crate) fn enter(&mut self, breaker: CircuitBreaker, declared: Vec<Declared>) {
        self.waiting.made.push(breaker.clone());
        self.breakers.insert(breaker.name().to_owned(), Entry { breaker, declared });
    }

    /// Joins a further declaration to those of the breaker `name`. Gives the union, if this is a new one.
    pub(crate) fn unite(&mut self, name: &str, new: Declared) -> Option<Config> {
        let entry = self.breakers.get_mut(name)?;
        if entry.declared.contains(&new) {
            return None;
        }
        let mut united = Config::new();
        for before in &entry.declared {
            let _ = united.unite(&before.config);
        }
        let mut conflicts = Vec::new();
        for (key, stands, differs) in united.unite(&new.config) {
            let sets = |before: &&Declared| key == "env" && before.config.env.is_some() || before.config.sets(key);
            let first = entry.declared.iter().find(sets).map_or("elsewhere", |first| &first.place);
            let message = format!(
                "`{key}` is {stands} at {first} and {differs} at {}; the first stands: write it once, or give one of \
                 them another name",
                new.place
            );
            conflicts.push(ConfigError::new(ConfigErrorKind::Conflict, format!("circuit breaker `{name}`"), message));
        }
        entry.declared.push(new);
        for conflict in conflicts {
            self.say_problem(conflict.to_string());
            self.conflicts.push(conflict);
        }
        Some(united)
    }

    /// Has a problem logged, if it was not before; unless `init` returns it first.
    fn say_problem(&mut self, text: String) {
        if self.said.insert(text.clone()) {
            self.waiting.problems.push(text);
        }
    }

    /// Has `text` logged, if it was not before.
    fn say(&mut self, text: String) {
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
            self.say_problem(format!("{text}; the layer below stands"));
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

    /// Says of each time limit that some call site cannot keep it.
    pub(crate) fn say_what_cannot_be_cut(&mut self) {
        let entries = self.breakers.values();
        let notices: Vec<_> =
            entries.flat_map(|entry| entry.declared.iter().filter_map(|one| uncut(&entry.breaker, one))).collect();
        notices.into_iter().for_each(|notice| self.say(notice));
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

/// What there is to say of a time limit that a call site cannot keep.
fn uncut(breaker: &CircuitBreaker, declared: &Declared) -> Option<String> {
    let limit = breaker.config().timeout.filter(|_| !declared.can_be_cut)?;
    let (name, limit) = (breaker.name(), humantime::format_duration(limit));
    let sources = breaker.config_sources();
    let source = sources.into_iter().find(|(key, _)| *key == "timeout").map(|(_, source)| source.to_string());
    Some(format!(
        "circuit breaker `{name}`: the time limit of {limit} ({}) does nothing at {}, whose calls cannot be cut off: that \
         takes an `async fn` and the feature `tokio`",
        source.unwrap_or_default(),
        declared.place
    ))
}
