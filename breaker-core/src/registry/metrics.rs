//! Exports the metrics of all breakers of a registry.

use crate::clock;
use crate::registry::Registry;

impl Registry {
    /// Exports the metrics of every present and future breaker of this registry through the facade
    /// `metrics`. Further calls have no effect.
    ///
    /// Without an installed recorder, an event costs some nanoseconds and is not counted. A
    /// recorder of a zero-sized type counts as none. In a `Box` it has a size.
    pub fn export_metrics(&self) {
        // The first reading measures the speed of the processor's counter. This may take a moment.
        clock::precise();
        self.meter();
    }

    /// Brings the exported metrics up to date: states that time has changed, and calls that are
    /// shorter than a millisecond. Call it before metrics are rendered, or now and then where they
    /// are sent. From the first call on, breakers without calls have their series too.
    pub fn refresh_metrics(&self) {
        for breaker in self.breakers() {
            breaker.refresh_metrics();
        }
    }
}
