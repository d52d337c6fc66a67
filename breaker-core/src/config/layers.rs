//! Merges settings from several sources; the later source wins.

use crate::config::call_settings::CallSettings;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::{Config, KEYS, Settings};
use crate::config::ranked::Rank;
use crate::config::types::{Limits, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The sources of settings, from the lowest to the highest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Precedence {
    /// `[defaults]` of the file.
    FileDefaults,
    Attribute,
    SetConfig,
    /// The longest time limit that a function has of its own, where it is longer than that of the
    /// breaker in code.
    Functions,
    /// `[all]` of the file.
    FileAll,
    /// `[breakers.NAME]` of the file.
    File,
    /// `CIRCUIT_BREAKER_*`.
    EnvironmentDefault,
    Environment,
    /// `reconfigure` of the parent, for one of its keyed breakers.
    Parent,
    Reconfigure,
}

const SOURCES: usize = 10;

/// The sources in code.
const CODE: [Precedence; 2] = [Precedence::Attribute, Precedence::SetConfig];

/// The settings of one source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) config: Config,
    /// The exact source of each key, where the precedence alone does not identify it.
    pub(crate) sources: BTreeMap<&'static str, Source>,
    pub(crate) label: Option<String>,
}

impl From<Config> for Layer {
    fn from(config: Config) -> Self {
        Self { config, ..Self::default() }
    }
}

impl Layer {
    fn is_set(&self) -> bool {
        self.config != Config::new() || self.label.is_some()
    }
}

/// The settings of a source that sets nothing.
static NOTHING: Config = Config::new();

/// The settings of one breaker from all sources. Most sources set nothing for most breakers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    by_precedence: [Option<Box<Layer>>; SOURCES],
    /// The longest time limit that a variable or a file gives one of its functions. It overrides
    /// what all sources set for the breaker.
    longest_of_functions: Option<Duration>,
}

impl Layers {
    pub(crate) fn set(&mut self, precedence: Precedence, layer: Layer) {
        self.by_precedence[precedence as usize] = layer.is_set().then(|| Box::new(layer));
    }

    pub(crate) fn config(&self, precedence: Precedence) -> &Config {
        self.by_precedence[precedence as usize].as_ref().map_or(&NOTHING, |layer| &layer.config)
    }

    pub(crate) fn config_mut(&mut self, precedence: Precedence) -> &mut Config {
        &mut self.by_precedence[precedence as usize].get_or_insert_default().config
    }

    /// The settings of a source, with one exception. The time limit of a variable for all breakers
    /// gives way to the one in the breaker's own table. The limit that suits most breakers must not
    /// time out a breaker that needs longer.
    fn effective(&self, precedence: usize) -> Option<Cow<'_, Config>> {
        let config = &self.by_precedence[precedence].as_ref()?.config;
        let yields =
            precedence == Precedence::EnvironmentDefault as usize && self.config(Precedence::File).timeout.is_some();
        Some(if yields { Cow::Owned(Config { timeout: None, ..*config }) } else { Cow::Borrowed(config) })
    }

    /// The values in force.
    pub(crate) fn settings(&self) -> Settings {
        let mut merged = self.in_force().merged();
        if self.rule_replacing_fail_max(&merged).is_some() {
            merged = merged.fail_max_off();
        }
        let longest = merged.timeout.flatten().max(self.longest_of_functions);
        Settings::resolve(&merged, Limits { of_breaker: self.call_settings().timeout, longest })
    }

    /// The breaker's settings of calls and retries, without those of its functions.
    pub(crate) fn call_settings(&self) -> CallSettings {
        let sources = (0..SOURCES).rev().filter(|precedence| *precedence != Precedence::Functions as usize);
        let configs: Vec<_> =
            sources.filter_map(|precedence| Some((rank(precedence), self.effective(precedence)?))).collect();
        CallSettings::of(&configs.iter().map(|(rank, config)| (*rank, &**config)).collect::<Vec<_>>())
    }

    /// Sets the longest time limit of the functions with its source. `of_operator` is the longest
    /// one that variables and files give to functions.
    pub(crate) fn set_functions(&mut self, longest: Option<(Duration, Source)>, of_operator: Option<Duration>) {
        self.set(Precedence::Functions, Layer::default());
        let code = self.merged_below(Precedence::Functions).timeout.flatten();
        if let Some((limit, source)) = longest.filter(|(limit, _)| Some(*limit) > code) {
            let sources = BTreeMap::from([("timeout", source)]);
            self.set(Precedence::Functions, Layer { config: Config::new().timeout(limit), sources, label: None });
        }
        self.longest_of_functions = of_operator;
    }

    /// The source of the time limit of calls whose function has no limit of its own.
    pub(crate) fn source_of_limit(&self) -> Source {
        let sets = |precedence: &usize| self.effective(*precedence).is_some_and(|config| config.timeout.is_some());
        self.source(
            "timeout",
            (0..SOURCES).rev().filter(|precedence| *precedence != Precedence::Functions as usize).find(sets),
        )
    }

    /// The rule on failures in code that switches `fail_max` off, where no source sets `fail_max`.
    fn rule_replacing_fail_max(&self, merged: &Config) -> Option<&'static str> {
        // A rule that another source has switched off does not replace `fail_max`.
        let unset = merged.fail_max.is_none() && merged.rule_over_failures().is_some();
        CODE.iter().rev().find_map(|precedence| self.config(*precedence).rule_over_failures()).filter(|_| unset)
    }

    /// The layers without the keys that would leave no rule on failures.
    pub(crate) fn in_force(&self) -> Cow<'_, Self> {
        let mut layers = Cow::Borrowed(self);
        for (precedence, key) in self.left_out() {
            if let Some(layer) = &mut layers.to_mut().by_precedence[precedence] {
                layer.config.unset(key);
            }
        }
        layers
    }

    /// The keys that do not apply, because no rule on failures would be left. The keys of the
    /// highest sources are left out first.
    fn left_out(&self) -> Vec<(usize, &'static str)> {
        let mut left_out = Vec::new();
        if self.merged().opens_by_failures() {
            return left_out;
        }
        let mut layers = self.clone();
        for precedence in (0..SOURCES).rev() {
            let Some(layer) = &mut layers.by_precedence[precedence] else { continue };
            left_out.extend(layer.config.keep_rules_on_failures().into_iter().map(|key| (precedence, key)));
            if layers.merged().opens_by_failures() {
                break;
            }
        }
        left_out
    }

    /// The problems of all layers of the breaker `name` together, each with the source to fix.
    pub(crate) fn problems(&self, name: &str) -> Vec<(Source, ConfigError)> {
        let problem = |(precedence, key): (usize, &'static str)| {
            let source = self.source(key, Some(precedence));
            let table = match precedence {
                _ if precedence == Precedence::FileDefaults as usize => "defaults".to_owned(),
                _ if precedence == Precedence::FileAll as usize => "all".to_owned(),
                _ => format!("breakers.{name}"),
            };
            let location = match &source {
                Source::Environment(variable) => variable.clone(),
                Source::File(path) => format!("{path}: {table}.{key}"),
                other => format!("{other} of circuit breaker `{name}`: {key}"),
            };
            let rules = "give one of `fail_max`, `failure_rate` and `window_fail_max` a number";
            let message =
                format!("is `off`, which leaves circuit breaker `{name}` without a rule on failures; {rules}");
            (source, ConfigError::new(ConfigErrorKind::Value, location, message))
        };
        self.left_out().into_iter().map(problem).collect()
    }

    /// The keys that any source sets.
    pub(crate) fn merged(&self) -> Config {
        self.merged_of(SOURCES)
    }

    fn merged_below(&self, precedence: Precedence) -> Config {
        self.merged_of(precedence as usize)
    }

    fn merged_of(&self, end: usize) -> Config {
        let mut merged = Config::new();
        for config in (0..end).filter_map(|precedence| self.effective(precedence)) {
            merged.overlay(&config);
        }
        merged
    }

    /// The source of each value in force.
    pub(crate) fn sources(&self) -> Vec<(&'static str, Source)> {
        let layers = self.in_force();
        let set: [_; SOURCES] =
            std::array::from_fn(|precedence| layers.effective(precedence).map(|config| config.set()));
        let highest =
            |index: usize| (0..SOURCES).rev().find(|precedence| set[*precedence].is_some_and(|set| set[index]));
        let rule = self.rule_replacing_fail_max(&layers.merged());
        let source = |index, key| match rule {
            Some(rule) if key == "fail_max" => Source::Follows(rule),
            _ => self.source(key, highest(index)),
        };
        KEYS.iter().enumerate().map(|(index, key)| (*key, source(index, *key))).collect()
    }

    /// The source of a key whose highest setting is at this precedence.
    fn source(&self, key: &'static str, precedence: Option<usize>) -> Source {
        let Some((precedence, layer)) =
            precedence.and_then(|precedence| Some((precedence, self.by_precedence[precedence].as_ref()?)))
        else {
            return Source::Default;
        };
        let default_source = if precedence == Precedence::Attribute as usize {
            Source::Attribute
        } else if precedence == Precedence::SetConfig as usize {
            Source::SetConfig
        } else {
            Source::Reconfigure
        };
        layer.sources.get(key).cloned().unwrap_or(default_source)
    }

    /// The name to show in logs and metrics, if it differs from the breaker's name.
    pub(crate) fn label(&self) -> Option<&str> {
        self.by_precedence.iter().rev().flatten().find_map(|layer| layer.label.as_deref())
    }

    /// Whether no `reconfigure` of this breaker itself has set anything.
    pub(crate) fn follows(&self) -> bool {
        *self.config(Precedence::Reconfigure) == Config::new()
    }

    /// The layers for a keyed breaker, made from these layers of its parent. `own` has its current
    /// layers. Its own `reconfigure` remains above everything that applies to all.
    pub(crate) fn for_member(&self, own: &Self) -> Self {
        let mut layers = self.clone();
        layers.by_precedence.iter_mut().flatten().for_each(|layer| layer.label = None);
        layers.by_precedence[Precedence::Parent as usize] =
            std::mem::take(&mut layers.by_precedence[Precedence::Reconfigure as usize]);
        layers.by_precedence[Precedence::Reconfigure as usize] =
            own.by_precedence[Precedence::Reconfigure as usize].clone();
        layers
    }
}

const fn rank(precedence: usize) -> Rank {
    if precedence >= Precedence::Parent as usize {
        Rank::Reconfigure
    } else if precedence >= Precedence::FileAll as usize {
        Rank::Operator
    } else {
        Rank::Code
    }
}
