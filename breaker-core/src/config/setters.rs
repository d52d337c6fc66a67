//! Adds the setters of [`Config`] that the table of keys has not, and reads what an attribute
//! writes.

use crate::config::keys::Config;
use crate::config::types::Window;

impl Config {
    /// No number of consecutive failures opens the breaker. This requires another rule on failures:
    /// `failure_rate` or `window_fail_max`.
    pub const fn fail_max_off(mut self) -> Self {
        self.fail_max = Some(None);
        self
    }

    /// The breaker counts consecutive failures however long the time between two of them.
    pub const fn fail_window_off(mut self) -> Self {
        self.fail_window = Some(None);
        self
    }

    /// Calls have no time limit.
    pub const fn timeout_off(mut self) -> Self {
        self.timeout = Some(None);
        self
    }

    /// The window of `failure_rate`, `slow_call_rate` and `window_fail_max`, as a number of last
    /// calls.
    ///
    /// Takes 1 to [`Window::MAX_CALLS`]. Default: `100`. [`Config::window`] sets a length of time
    /// instead.
    pub const fn window_calls(mut self, calls: u32) -> Self {
        self.window = Some(Window::Calls(calls));
        self
    }

    /// Reads the settings of an attribute, as its expansion writes them:
    /// `"fail_max=5; timeout=2s"`. The attributes have the same version as this crate, and write
    /// what [`Config::read`] reads.
    pub(crate) fn written(settings: &'static str) -> Self {
        let mut config = Self::new();
        for (key, value) in settings.split("; ").filter_map(|setting| setting.split_once('=')) {
            match key {
                "env_prefix" => config.env_prefix = Some(value),
                _ => {
                    let read = config.read(key, value);
                    debug_assert_eq!(read, Some(Ok(())), "{key}={value}");
                }
            }
        }
        config
    }

    /// The prefix of this breaker's environment variables, without the `_CIRCUIT_` that follows it.
    ///
    /// Default: the breaker's name in upper case, with `_` for all but letters and digits.
    pub const fn env_prefix(mut self, prefix: &'static str) -> Self {
        self.env_prefix = Some(prefix);
        self
    }
}
