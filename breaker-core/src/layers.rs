//! Layers: settings from several places, the later place wins.

use crate::config::{Config, KEYS, Settings, Source};
use std::collections::BTreeMap;

/// The places, from the lowest to the highest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Attribute,
    Configure,
    FileDefault,
    File,
    EnvironmentDefault,
    Environment,
    /// What `reconfigure` of the head of a family says to one of it.
    Head,
    Reconfigure,
}

const PLACES: usize = 8;

/// What one place says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) config: Config,
    /// Where each key was read, if the place's name alone does not tell.
    pub(crate) sources: BTreeMap<&'static str, Source>,
    pub(crate) label: Option<String>,
}

impl From<Config> for Layer {
    fn from(config: Config) -> Self {
        Self { config, ..Self::default() }
    }
}

/// What all places say of one breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers([Layer; PLACES]);

impl Layers {
    pub(crate) fn set(&mut self, place: Place, layer: Layer) {
        self.0[place as usize] = layer;
    }

    pub(crate) fn config(&self, place: Place) -> &Config {
        &self.0[place as usize].config
    }

    pub(crate) fn config_mut(&mut self, place: Place) -> &mut Config {
        &mut self.0[place as usize].config
    }

    /// The values in force.
    pub(crate) fn settings(&self) -> Settings {
        Settings::resolve(&self.merged())
    }

    /// The keys that any place sets.
    pub(crate) fn merged(&self) -> Config {
        let mut merged = Config::new();
        for layer in &self.0 {
            merged.overlay(&layer.config);
        }
        merged
    }

    /// Where each value in force came from.
    pub(crate) fn sources(&self) -> Vec<(&'static str, Source)> {
        let set = self.0.each_ref().map(|layer| layer.config.set());
        let place = |index: usize| (0..PLACES).rev().find(|place| set[*place][index]);
        KEYS.iter().enumerate().map(|(index, key)| (*key, self.source(key, place(index)))).collect()
    }

    /// Where a key came from that is set in this place above all others.
    fn source(&self, key: &'static str, place: Option<usize>) -> Source {
        let Some((place, layer)) = place.map(|place| (place, &self.0[place])) else { return Source::Default };
        let by_place = if place == Place::Attribute as usize {
            Source::Attribute
        } else if place == Place::Configure as usize {
            Source::Configure
        } else {
            Source::Reconfigure
        };
        layer.sources.get(key).cloned().unwrap_or(by_place)
    }

    /// The name to show in logs and metrics, if another one than the breaker's was given.
    pub(crate) fn label(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|layer| layer.label.as_deref())
    }

    /// Whether nobody has told this breaker by itself anything.
    pub(crate) fn follows(&self) -> bool {
        *self.config(Place::Reconfigure) == Config::new()
    }

    /// The same for one of the family of which these are the head's layers; `own` is what it has so far. What its own
    /// `reconfigure` says stays above everything that holds for all.
    pub(crate) fn for_member(&self, own: &Self) -> Self {
        let mut layers = self.clone();
        layers.0.iter_mut().for_each(|layer| layer.label = None);
        layers.0[Place::Head as usize] = std::mem::take(&mut layers.0[Place::Reconfigure as usize]);
        layers.0[Place::Reconfigure as usize] = own.0[Place::Reconfigure as usize].clone();
        layers
    }
}
