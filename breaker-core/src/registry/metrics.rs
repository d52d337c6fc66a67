//! Exports the metrics of all breakers of a registry.

use crate::clock;
use crate::registry::Registry;

impl Registry {
    /// Exports the metrics of every breaker of this registry, present and future, through the
    /// facade `metrics`. Once is enough, and more does nothing.
    ///
    /// Where no recorder is installed, an event costs some nanoseconds and is not counted. (A
    /// recorder of a type without a size counts as none; in a `Box` it has one.)
    pub fn export_metrics(&self) {
        // It may take a moment to find out how fast the processor's counter runs.
        clock::precise();
        self.meter();
    }

    /// Brings the exported metrics up to date: states that time has changed, and calls that are
    /// shorter than a millisecond. To be called before metrics are rendered, or now and then where
    /// they are sent. Breakers that have not had a call have their series from then on.
    pub fn refresh_metrics(&self) {
        for breaker in self.breakers() {
            breaker.refresh_metrics();
        }
    }
}
