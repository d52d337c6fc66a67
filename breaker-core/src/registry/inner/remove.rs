//! Removes a breaker that code made.

use super::RegistryState;
use crate::breaker::handle::CircuitBreaker;
use crate::config::error::{ConfigError, ConfigErrorKind};

impl RegistryState {
    /// Removes and returns the breaker `name`. The registry keeps nothing of it.
    pub(crate) fn remove(&mut self, name: &str) -> Result<CircuitBreaker, ConfigError> {
        self.refuse_to_remove(name)?;
        let Some(entry) = self.breakers.remove(name) else { return Err(unknown(name)) };
        self.prefixes.remove(&entry.prefix);
        self.configured.remove(name);
        let location = location(name);
        self.conflicts.retain(|conflict| conflict.location() != location);
        self.conflicting.retain(|known| !known.starts_with(&format!("{name}, ")));
        self.detach(&entry.breaker);
        // A label without a prefix may apply to the one that is left.
        if self.breakers.len() == 1 {
            self.apply_all();
        }
        Ok(entry.breaker)
    }

    fn refuse_to_remove(&self, name: &str) -> Result<(), ConfigError> {
        let refused = |message: &str| Err(ConfigError::new(ConfigErrorKind::Conflict, location(name), message));
        match self.breakers.get(name) {
            Some(entry) if entry.functions.is_empty() => Ok(()),
            Some(_) => refused("cannot be removed: an annotated function uses it"),
            None if self.find(name).is_some() => {
                refused("cannot be removed: it belongs to a key, and is evicted when another key needs its place")
            }
            None => Err(unknown(name)),
        }
    }

    /// Removes the registry's observers and metrics from the breaker. A keyed breaker keeps them if
    /// the registry has its parent.
    fn detach(&mut self, breaker: &CircuitBreaker) {
        let with_parent =
            |parent: CircuitBreaker| self.breakers.get(parent.name()).is_some_and(|known| known.breaker.is(&parent));
        if breaker.parent().is_some_and(with_parent) {
            return;
        }
        for observer in &self.observers {
            self.pending.reports.extend(breaker.leave_observer(observer));
        }
        #[cfg(feature = "metrics")]
        if self.metered {
            self.pending.reports.extend(breaker.end_meter());
        }
    }
}

fn location(name: &str) -> String {
    format!("circuit breaker `{name}`")
}

fn unknown(name: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::UnknownName,
        location(name),
        "cannot be removed: no circuit breaker has this name",
    )
}
