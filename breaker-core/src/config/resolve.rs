//! Settings: what follows from several keys together. Keys that contradict each other in different places are resolved here.

use crate::config::keys::Settings;
use crate::config::types::Window;
use crate::machine::trip::Rules;
use std::time::Duration;

impl Settings {
    /// How long a probe holds its slot: `probe_timeout`, or what stands in for it when that is unset.
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

    /// Whether there are rules over the window; else nothing has to be kept.
    #[inline]
    pub(crate) fn has_rules(&self) -> bool {
        self.failure_rate.is_some() || self.slow_call.is_some() || self.window_fail_max.is_some()
    }

    /// The rules over the window, if there are any.
    pub(crate) fn rules(&self) -> Option<Rules> {
        let most = match self.window {
            Window::Calls(calls) => calls,
            Window::Time(_) => u32::MAX,
        };
        self.has_rules().then(|| Rules {
            failure_rate: self.failure_rate,
            slow_rate: self.slow_call.map(|_| self.slow_rate),
            slow_call: self.slow_call,
            fail_max: self.window_fail_max.map(|fails| fails.min(most)),
            min_calls: self.min_calls.min(most),
        })
    }

    /// How many probes a recovery is judged by.
    pub(crate) fn probes(&self) -> u32 {
        let unset = if self.probe_failure_rate.is_some() { self.half_open_max_calls } else { self.success_threshold };
        let probes = self.probe_window.unwrap_or(unset);
        if self.probe_failure_rate.is_some() { probes } else { probes.max(self.success_threshold) }
    }
}
