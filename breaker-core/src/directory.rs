//! Directory: what the registry keeps under its lock. Settings are put in force here, under that lock, so that no older ones can
//! come after newer ones; what there is to log or to tell waits until it is let go.

use crate::breaker::{CircuitBreaker, Told};
use crate::call_site::CallSite;
use crate::config::{Config, Source};
use crate::config_error::{ConfigError, ConfigErrorKind};
use crate::env::{Environment, Reading};
use crate::event::Listener;
use crate::file::FileSettings;
use crate::layers::{Layer, Layers, Place};
use crate::sync::Arc;
use crate::{span, spelling};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub(crate) struct Directory {
    breakers: BTreeMap<String, Entry>,
    listeners: Vec<Arc<dyn Listener>>,
    /// The metrics of all are exported.
    #[cfg(feature = "metrics")]
    metered: bool,
    configured: BTreeMap<String, Config>,
    file: FileSettings,
    path: Option<PathBuf>,
    environment: Option<Environment>,
    /// The variables were given, and are not those of the process.
    foreign: bool,
    /// Conflicts between call sites.
    conflicts: Vec<ConfigError>,
    pub(crate) waiting: Waiting,
    said: HashSet<String>,
}

struct Entry {
    breaker: CircuitBreaker,
    /// Who declared it, in the order in which they came; each place once.
    declared: Vec<Declared>,
    /// What they say together.
    united: Config,
}

/// What a call site, or somebody with a `Config`, said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) place: String,
    pub(crate) config: Config,
    /// Whether a time limit can end its calls.
    pub(crate) can_be_cut: bool,
}

/// What is to be told and logged when the lock is let go.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) told: Vec<(CircuitBreaker, Told)>,
    pub(crate) made: Vec<CircuitBreaker>,
    pub(crate) problems: Vec<String>,
    pub(crate) notices: Vec<String>,
}

impl Directory {
    pub(crate) fn get(&self, name: &str) -> Option<CircuitBreaker> {
        self.breakers.get(name).map(|entry| entry.breaker.clone())
    }

    pub(crate) fn all(&self) -> Vec<CircuitBreaker> {
        self.breakers.values().map(|entry| entry.breaker.clone()).collect()
    }

    /// The same for a test, with the process's environment taken for empty.
    #[cfg(feature = "test-util")]
    pub(crate) fn isolated() -> Self {
        Self { environment: Some(Environment::default()), foreign: true, ..Self::default() }
    }

    /// The breaker of this name, or the member of a family.
    pub(crate) fn find(&self, name: &str) -> Option<CircuitBreaker> {
        if let Some(breaker) = self.get(name) {
            return Some(breaker);
        }
        let inner = name.strip_suffix(']')?;
        // Names and values may have brackets of their own.
        inner
            .match_indices('[')
            .find_map(|(at, _)| self.breakers.get(&inner[..at])?.breaker.known_member(&inner[at + 1..]))
    }

    /// Where the breaker `name` was declared.
    pub(crate) fn call_sites(&self, name: &str) -> Vec<CallSite> {
        self.breakers.get(name).map_or_else(Vec::new, |entry| entry.declared.iter().map(CallSite::from).collect())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.breakers.keys().cloned().collect()
    }

    pub(crate) fn listen(&mut self, listener: Arc<dyn Listener>) {
        for breaker in self.all() {
            breaker.add_shared_listener(&listener);
        }
        self.listeners.push(listener);
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&mut self) {
        self.metered = true;
        self.all().iter().for_each(CircuitBreaker::meter_on);
    }

    /// Puts it in force, unless it would leave the breaker no rule on failures; gives the reasons.
    pub(crate) fn configure(&mut self, name: &str, config: Config) -> Vec<ConfigError> {
        if let Some(entry) = self.breakers.get(name) {
            let mut layers = Layers::clone(&entry.breaker.layers());
            layers.set(Place::Configure, config.into());
            let problems = layers.problems(name).into_iter().filter(|(source, _)| *source == Source::Configure);
            let problems: Vec<_> = problems.map(|(_, problem)| problem).collect();
            if !problems.is_empty() {
                return problems;
            }
        }
        self.configured.insert(name.to_owned(), config);
        self.place(name);
        Vec::new()
    }

    /// The file that was loaded last.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Puts a file in force, unless it would leave one of the breakers no rule on failures; gives the reasons.
    pub(crate) fn load(&mut self, file: FileSettings, path: &Path) -> Vec<ConfigError> {
        let environment = self.environment.take().unwrap_or_else(Environment::of_process);
        let problems = self.problems_of(&file, &environment);
        self.environment = Some(environment);
        if !problems.is_empty() {
            return problems;
        }
        self.file = file;
        self.path = Some(path.to_owned());
        self.place_all();
        for notice in self.unknown_names() {
            self.say(notice);
        }
        problems
    }

    /// What is wrong with a file in view of the breakers that there are.
    fn problems_of(&self, file: &FileSettings, environment: &Environment) -> Vec<ConfigError> {
        if !file.switches_rules_off() {
            return Vec::new();
        }
        let problems = self.breakers.iter().flat_map(|(name, entry)| {
            let mut layers = Layers::clone(&entry.breaker.layers());
            for (place, layer) in self.read(name, entry.united, file, environment).0 {
                layers.set(place, layer);
            }
            layers.problems(name)
        });
        problems.filter(|(source, _)| matches!(source, Source::File(_))).map(|(_, problem)| problem).collect()
    }

    /// Takes other variables, puts in force what is right, and gives everything that is wrong.
    pub(crate) fn init(&mut self, environment: Environment, of_process: bool) -> Vec<ConfigError> {
        self.environment = Some(environment);
        self.foreign = !of_process;
        let mut problems = self.check();
        self.place_all();
        problems.extend(
            self.breakers.iter().flat_map(|(name, entry)| {
                entry.breaker.layers().problems(name).into_iter().map(|(_, problem)| problem)
            }),
        );
        // What is returned here need not be logged.
        self.waiting.problems.clear();
        problems
    }

    /// Takes what was read again; gives what is wrong with the variables. Each breaker is changed once.
    pub(crate) fn reload(&mut self, file: Option<FileSettings>, environment: Environment) -> Vec<ConfigError> {
        let environment = if self.foreign { self.environment.take().unwrap_or_default() } else { environment };
        if let Some(file) = file {
            let mut problems = self.problems_of(&file, &environment);
            problems.extend(file.follows(&self.file).err());
            if !problems.is_empty() {
                // Those that were given are still in force.
                if self.foreign {
                    self.environment = Some(environment);
                }
                return problems;
            }
            self.file = file;
        }
        self.init(environment, !self.foreign)
    }

    pub(crate) fn declare(&mut self, name: &str, declared: Declared, forever: bool) -> CircuitBreaker {
        if let Some(breaker) = self.get(name) {
            self.unite(name, &declared);
            return breaker;
        }
        let mut layers = Layers::default();
        for (place, layer) in self.layers(name, declared.config) {
            layers.set(place, layer);
        }
        let breaker = CircuitBreaker::with_layers(name.to_owned(), layers, forever);
        self.enter(breaker.clone(), declared);
        breaker
    }

    /// Takes a breaker in.
    pub(crate) fn enter(&mut self, breaker: CircuitBreaker, declared: Declared) {
        for listener in &self.listeners {
            breaker.add_shared_listener(listener);
        }
        #[cfg(feature = "metrics")]
        if self.metered {
            breaker.meter_on();
        }
        let name = breaker.name().to_owned();
        let united = declared.config;
        self.waiting.made.push(breaker.clone());
        self.breakers.insert(name.clone(), Entry { breaker, declared: vec![declared], united });
        self.place(&name);
        // With a second breaker, a label without a prefix is nobody's any more.
        if self.breakers.len() == 2 {
            self.place_all();
        }
    }

    /// Joins a further declaration to those of the breaker `name`.
    fn unite(&mut self, name: &str, new: &Declared) {
        let Some(entry) = self.breakers.get_mut(name) else { return };
        let before = entry.united;
        let conflicts = entry.united.unite(&new.config);
        let first = |key: &str| {
            let sets = |one: &&Declared| key == "env" && one.config.env.is_some() || one.config.sets(key);
            entry.declared.iter().find(sets).map_or_else(|| "an earlier place".to_owned(), |one| one.place.clone())
        };
        let told: Vec<_> =
            conflicts.into_iter().map(|(key, stands, differs)| (key, first(key), stands, differs)).collect();
        let changed = entry.united != before;
        if entry.declared.iter().all(|one| one.place != new.place) {
            entry.declared.push(new.clone());
        }
        for (key, first, stands, differs) in told {
            // A place that declares something else each time is told once.
            if self.said.insert(format!("conflict of {name}, {key} at {}", new.place)) {
                let place = &new.place;
                let message = format!(
                    "`{key}` is {stands} at {first} and {differs} at {place}; the first stands: write it once, or give \
                     one of them another name"
                );
                let conflict =
                    ConfigError::new(ConfigErrorKind::Conflict, format!("circuit breaker `{name}`"), message);
                self.say_problem(conflict.to_string());
                self.conflicts.push(conflict);
            }
        }
        if changed {
            self.place(name);
        }
    }

    fn place_all(&mut self) {
        for name in self.names() {
            self.place(&name);
        }
    }

    /// Puts in force what all places say of the breaker `name`.
    fn place(&mut self, name: &str) {
        let Some(entry) = self.breakers.get(name) else { return };
        let breaker = entry.breaker.clone();
        let layers = self.layers(name, entry.united);
        let told = breaker.relayer(|own| layers.into_iter().for_each(|(place, layer)| own.set(place, layer)));
        self.waiting.told.extend(told);
        for (_, problem) in breaker.layers().problems(name) {
            self.say_problem(below_stands(&problem.to_string()));
        }
        self.say_what_cannot_be_cut(name);
    }

    /// What all places say of the breaker `name`, of which the call sites say `united`. What is wrong is logged once.
    fn layers(&mut self, name: &str, united: Config) -> [(Place, Layer); 7] {
        let environment = self.environment.take().unwrap_or_else(Environment::of_process);
        let (layers, read) = self.read(name, united, &self.file, &environment);
        self.environment = Some(environment);
        for text in read.iter().flat_map(|reading| &reading.problems).map(ToString::to_string) {
            self.say_problem(below_stands(&text));
        }
        for notice in read.into_iter().flat_map(|reading| reading.notices) {
            self.say(notice);
        }
        layers
    }

    /// The same with this file and these variables; nothing is changed or said. What is told of the variables comes with it.
    fn read(
        &self,
        name: &str,
        united: Config,
        file: &FileSettings,
        environment: &Environment,
    ) -> ([(Place, Layer); 7], [Reading; 2]) {
        let prefix = self.prefix(name, united);
        let mut prefixes = self.prefixes();
        prefixes.push(prefix.clone());
        let (mut every, mut own) = (environment.every(&prefixes), environment.breaker(&prefix, &prefixes));
        let alone = self.breakers.keys().all(|known| known == name);
        every.layer.label = every.layer.label.filter(|_| alone);
        let layers = [
            (Place::FileDefaults, file.defaults.clone()),
            (Place::Attribute, united.into()),
            (Place::Configure, self.configured.get(name).copied().unwrap_or_default().into()),
            (Place::FileAll, file.all.clone()),
            (Place::File, file.breakers.get(name).cloned().unwrap_or_default()),
            (Place::EnvironmentDefault, std::mem::take(&mut every.layer)),
            (Place::Environment, std::mem::take(&mut own.layer)),
        ];
        (layers, [every, own])
    }

    fn prefix(&self, name: &str, united: Config) -> String {
        let configured = self.configured.get(name).and_then(|config| config.env);
        configured.or(united.env).map_or_else(|| spelling::prefix(name), str::to_owned)
    }

    /// The prefixes of all breakers' variables.
    fn prefixes(&self) -> Vec<String> {
        self.breakers.iter().map(|(name, entry)| self.prefix(name, entry.united)).collect()
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

    /// Everything that is wrong; it counts as said. What is only odd is logged.
    fn check(&mut self) -> Vec<ConfigError> {
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
            self.said.insert(below_stands(&problem.to_string()));
        }
        problems.extend(self.conflicts.iter().cloned());
        for notice in strangers.into_iter().chain(self.unknown_names()).chain(self.shared_prefixes()) {
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

    /// Breakers that obey the same variables, because their names differ in signs only.
    fn shared_prefixes(&self) -> Vec<String> {
        let mut by_prefix: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, entry) in &self.breakers {
            by_prefix.entry(self.prefix(name, entry.united)).or_default().push(format!("`{name}`"));
        }
        let shared = by_prefix.into_iter().filter(|(_, names)| names.len() > 1);
        shared
            .map(|(prefix, names)| {
                format!(
                    "circuit breakers {} share the variables {prefix}_CIRCUIT_..; `env` gives one another prefix",
                    names.join(", ")
                )
            })
            .collect()
    }

    /// Says of the time limit of `name` which call sites cannot keep it.
    fn say_what_cannot_be_cut(&mut self, name: &str) {
        let Some(entry) = self.breakers.get(name) else { return };
        let Some(limit) = entry.breaker.config().timeout else { return };
        let limit = span::show(limit);
        let sources = entry.breaker.config_sources();
        let source = sources.into_iter().find(|(key, _)| *key == "timeout").map(|(_, source)| source.to_string());
        let source = source.unwrap_or_default();
        let uncut = entry.declared.iter().filter(|one| !one.can_be_cut);
        let notices: Vec<_> = uncut
            .map(|Declared { place, .. }| {
                format!(
                    "circuit breaker `{name}`: the time limit of {limit} ({source}) does nothing at {place}, whose calls \
                     cannot be cut off: that takes an `async fn` and the feature `tokio`"
                )
            })
            .collect();
        notices.into_iter().for_each(|notice| self.say(notice));
    }
}

fn below_stands(problem: &str) -> String {
    format!("{problem}; the layer below stands")
}
