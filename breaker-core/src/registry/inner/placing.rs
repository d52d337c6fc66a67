//! Applies the settings of a breaker from all sources.

use super::RegistryState;
use crate::config::env::{Environment, Reading};
use crate::config::file::FileSettings;
use crate::config::keys::Config;
use crate::config::layers::{Layer, Precedence};
use crate::config::text;

impl RegistryState {
    /// Updates the prefix of the breaker `name` after its settings have changed.
    pub(super) fn keep_prefix(&mut self, name: &str) {
        let Some(entry) = self.breakers.get(name) else { return };
        let prefix = self.prefix(name, entry.merged);
        if let Some(entry) = self.breakers.get_mut(name).filter(|entry| entry.prefix != prefix) {
            self.prefixes.add(&prefix);
            self.prefixes.remove(&std::mem::replace(&mut entry.prefix, prefix));
        }
    }

    pub(super) fn apply_all(&mut self) {
        for name in self.names() {
            self.apply(&name);
        }
    }

    /// Applies the settings of the breaker `name` from all sources.
    pub(super) fn apply(&mut self, name: &str) {
        let Some(entry) = self.breakers.get(name) else { return };
        let breaker = entry.breaker.clone();
        let layers = self.layers(name, entry.merged);
        let (longest, of_operator) = self.apply_functions(name);
        let report = breaker.relayer(|own| {
            layers.into_iter().for_each(|(apply, layer)| own.set(apply, layer));
            own.set_functions(longest, of_operator);
        });
        self.pending.reports.extend(report);
        for (_, problem) in breaker.layers().problems(name) {
            self.log_problem_once(lower_layer_applies(&problem.to_string()));
        }
        self.log_unenforceable_timeouts(name);
    }

    /// The settings of the breaker `name` from all sources. The callsites declare `merged`. Each
    /// problem is logged once.
    pub(super) fn layers(&mut self, name: &str, merged: Config) -> [(Precedence, Layer); 7] {
        self.read_environment();
        let environment = self.environment.take().unwrap_or_default();
        let (layers, read) = self.read(name, merged, &self.file, &environment);
        self.environment = Some(environment);
        for text in read.iter().flat_map(|reading| &reading.problems).map(ToString::to_string) {
            self.log_problem_once(lower_layer_applies(&text));
        }
        for notice in read.into_iter().flat_map(|reading| reading.notices) {
            self.log_once(notice);
        }
        layers
    }

    /// The same with this file and these variables, without any change or log line. It also returns
    /// the readings of the variables.
    pub(super) fn read(
        &self,
        name: &str,
        merged: Config,
        file: &FileSettings,
        environment: &Environment,
    ) -> ([(Precedence, Layer); 7], [Reading; 2]) {
        let prefix = self.prefix(name, merged);
        let (mut every, mut own) = (environment.every(), environment.breaker(&prefix, &self.prefixes));
        let alone = self.breakers.keys().all(|known| known == name);
        every.layer.label = every.layer.label.filter(|_| alone);
        let layers = [
            (Precedence::FileDefaults, file.defaults.clone()),
            (Precedence::Attribute, merged.into()),
            (Precedence::SetConfig, self.configured.get(name).copied().unwrap_or_default().into()),
            (Precedence::FileAll, file.all.clone()),
            (Precedence::File, file.breakers.get(name).cloned().unwrap_or_default()),
            (Precedence::EnvironmentDefault, std::mem::take(&mut every.layer)),
            (Precedence::Environment, std::mem::take(&mut own.layer)),
        ];
        (layers, [every, own])
    }

    pub(super) fn prefix(&self, name: &str, merged: Config) -> String {
        let configured = self.configured.get(name).and_then(|config| config.env_prefix);
        configured.or(merged.env_prefix).map_or_else(|| text::prefix(name), str::to_owned)
    }

    /// Reads the process's variables, unless variables were given before.
    pub(super) fn read_environment(&mut self) {
        if self.environment.is_none() {
            let environment = Environment::of_process();
            for unrecognized in environment.unrecognized_keys(&self.prefixes) {
                self.log_once(unrecognized.to_string());
            }
            self.environment = Some(environment);
        }
    }

    /// Queues a problem for the log, unless it was logged before. `init` may return it first.
    pub(super) fn log_problem_once(&mut self, text: String) {
        if self.logged.is_new(&text) {
            self.pending.problems.push(text);
        }
    }

    /// Queues `text` for the log, unless it was logged before.
    pub(super) fn log_once(&mut self, text: String) {
        if self.logged.is_new(&text) {
            self.pending.notices.push(text);
        }
    }
}

pub(super) fn lower_layer_applies(problem: &str) -> String {
    format!("{problem}; the value of the next lower source applies")
}
