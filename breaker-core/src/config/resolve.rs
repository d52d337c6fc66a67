//! Computes what follows from several keys, where sources contradict each other.

use crate::config::keys::Settings;
use std::time::Duration;

impl Settings {
    /// How long a probe holds its slot: `probe_timeout`, or its replacement when that is unset.
    pub(crate) fn probe_lease(&self) -> Duration {
        let unset = || {
            let twice = self.limits.longest.unwrap_or_default().saturating_mul(2);
            match self.recovery_timeout.max(twice) {
                Duration::ZERO => Duration::from_secs(1),
                lease => lease,
            }
        };
        self.probe_timeout.unwrap_or_else(unset)
    }

    /// Whether there are rules over the window. Without one, no window is kept.
    #[inline]
    pub(crate) fn has_rules(&self) -> bool {
        self.failure_rate.is_some() || self.slow_call_duration.is_some() || self.window_fail_max.is_some()
    }

    /// How many probes decide a recovery.
    pub(crate) fn probes(&self) -> u32 {
        let unset = if self.probe_failure_rate.is_some() { self.half_open_max_calls } else { self.success_threshold };
        let probes = self.probe_count.unwrap_or(unset);
        if self.probe_failure_rate.is_some() { probes } else { probes.max(self.success_threshold) }
    }
}
