//! Checks keys that contradict each other, or that need another one.
//!
//! It compares what the attribute says, and nothing else.

use std::time::Duration;

use proc_macro2::Span;

use super::plan::Options;
use super::values::{self, Backoff, Setting};
use crate::diagnostics::Errors;

/// The defaults of `breaker-core`.
const RECOVERY: Duration = Duration::from_secs(30);
const BACKOFF_MAX: Duration = Duration::from_secs(600);
const WINDOW: u32 = 100;
const MIN_CALLS: u32 = 10;

pub(super) fn check(options: &Options, errors: &mut Errors) {
    let keys = Keys { options };
    keys.key(errors);
    keys.consecutive_failures(errors);
    keys.failures(errors);
    if keys.rates(errors) {
        keys.min_calls(errors);
    }
    keys.limits(errors);
    keys.backoff(errors);
}

struct Keys<'o> {
    options: &'o Options,
}

/// A value that is known here, and the place of its key, if that is written.
type Known<T> = Option<(T, Option<Span>)>;

impl Keys<'_> {
    fn at(&self, name: &str) -> Option<Span> {
        self.options.at(name)
    }

    /// Whether a `config` may have keys that are not known here.
    fn has_config(&self) -> bool {
        self.at("config").is_some()
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.options.settings.iter().find(|(key, ..)| key.name == name).map(|(.., setting)| setting)
    }

    /// The literal, or the default where the key is not written.
    fn known<T>(&self, name: &str, default: T, read: impl Fn(&Setting) -> Option<T>) -> Known<T> {
        match (self.at(name), self.setting(name)) {
            (at @ Some(_), Some(setting)) => read(setting).map(|value| (value, at)),
            (None, _) if !self.has_config() => Some((default, None)),
            _ => None,
        }
    }

    /// The literal, where the key is written.
    fn length(&self, name: &str) -> Option<(Duration, Span)> {
        self.setting(name).and_then(length).zip(self.at(name))
    }

    fn key(&self, errors: &mut Errors) {
        if let (None, Some(at)) = (self.at("key"), self.at("max_keys")) {
            let fix = "add one, for instance `key = host` for an argument `host`";
            errors.at(at, format!("`max_keys` limits the keys, but there is no `key`; {fix}"));
        }
    }

    fn consecutive_failures(&self, errors: &mut Errors) {
        let Some((_, at)) = self.length("fail_window") else { return };
        let why = match self.setting("fail_max") {
            Some(Setting::Count(1, _)) => "with `fail_max = 1` the first failure opens the breaker",
            Some(Setting::Off) => "with `fail_max = \"off\"` no number of consecutive failures opens the breaker",
            _ => return,
        };
        let fix = "remove it, or set a larger `fail_max`";
        errors.at(at, format!("`fail_window` has no effect, since {why}; {fix}"));
    }

    /// Refuses an attribute by which no failure opens the breaker.
    fn failures(&self, errors: &mut Errors) {
        let other_rule = ["failure_rate", "window_fail_max", "config"].iter().any(|rule| self.at(rule).is_some());
        if let (Some(Setting::Off), Some(at), false) = (self.setting("fail_max"), self.at("fail_max"), other_rule) {
            let fix = "add another one, for instance `failure_rate = 0.5`, or give `fail_max` a number";
            errors.at(at, format!("`fail_max = \"off\"` leaves no rule on failures; {fix}"));
        }
    }

    /// Checks the rates, and returns whether a rule uses the window.
    fn rates(&self, errors: &mut Errors) -> bool {
        if self.has_config() {
            return true;
        }
        if let (Some(at), None) = (self.at("slow_call_rate"), self.at("slow_call_duration")) {
            let fix = "add it, for instance `slow_call_duration = \"2s\"`";
            errors
                .at(at, format!("`slow_call_rate` needs `slow_call_duration`, which says when a call is slow; {fix}"));
        }
        if ["failure_rate", "slow_call_duration", "slow_call_rate", "window_fail_max"]
            .iter()
            .any(|rule| self.at(rule).is_some())
        {
            return true;
        }
        let fix = "add one of them, for instance `failure_rate = 0.5`";
        for name in ["window", "min_calls"] {
            if let Some(at) = self.at(name) {
                errors.at(at, format!("`{name}` has no effect without `failure_rate` or `slow_call_duration`; {fix}"));
            }
        }
        false
    }

    /// Refuses a window that never holds `min_calls`.
    fn min_calls(&self, errors: &mut Errors) {
        let count = |setting: &Setting| if let Setting::Count(count, _) = setting { Some(*count) } else { None };
        let known = (self.known("window", WINDOW, count), self.known("min_calls", MIN_CALLS, count));
        let (Some((window, window_at)), Some((least, least_at))) = known else { return };
        if least <= window {
            return;
        }
        let default = |at: Option<Span>| if at.is_none() { " (the default)" } else { "" };
        let (of_window, of_least) = (default(window_at), default(least_at));
        let message =
            format!("a `window` of {window} calls{of_window} never holds the {least} of `min_calls`{of_least}");
        if let Some(at) = least_at.or(window_at) {
            errors.at(at, format!("{message}, so the rates never apply; make `min_calls` {window} or less"));
        }
    }

    /// Refuses durations that no call reaches because of its `timeout`.
    fn limits(&self, errors: &mut Errors) {
        let Some((limit, _)) = self.length("timeout") else { return };
        let limit_shown = values::shown(limit);
        if let Some((slow, at)) = self.length("slow_call_duration").filter(|(slow, _)| *slow > limit) {
            let slow = values::shown(slow);
            errors.at(at, format!("no call is slower than `slow_call_duration` ({slow}), since each times out after `timeout` ({limit_shown}); make `slow_call_duration` shorter"));
        }
        let after = if let Some(Setting::After(after)) = self.setting("on_cancel") { length(after) } else { None };
        if let Some((after, at)) = after.filter(|after| *after > limit).zip(self.at("on_cancel")) {
            let after = values::shown(after);
            errors.at(at, format!("no call is dropped after `on_cancel` ({after}), since each times out after `timeout` ({limit_shown}); make `on_cancel` shorter"));
        }
    }

    fn backoff(&self, errors: &mut Errors) {
        let (Some(at), Some(Setting::Backoff(backoff))) = (self.at("backoff"), self.setting("backoff")) else { return };
        let Some((open, open_at)) = self.known("recovery_timeout", RECOVERY, length) else { return };
        if open.is_zero() {
            let fix = "give `recovery_timeout` a length, or remove `backoff`";
            errors.at(at, format!("`backoff` multiplies `recovery_timeout`, which is zero; {fix}"));
            return;
        }
        let Some((max, max_at)) = longest(backoff) else { return };
        if max < open {
            let default = |at: Option<Span>| if at.is_none() { ", the default" } else { "" };
            let (of_max, of_open) = (default(max_at), default(open_at));
            let (max, open) = (values::shown(max), values::shown(open));
            let message =
                format!("`max` of `backoff` ({max}{of_max}) is shorter than `recovery_timeout` ({open}{of_open})");
            errors.at(max_at.unwrap_or(at), format!("{message}, the first open time; make `max` longer"));
        }
    }
}

fn length(setting: &Setting) -> Option<Duration> {
    if let Setting::Length(length) = setting { Some(*length) } else { None }
}

/// The longest open period of a `backoff`, where it is known here.
fn longest(backoff: &Backoff) -> Known<Duration> {
    match &backoff.max {
        None => Some((BACKOFF_MAX, None)),
        Some((at, max)) => length(max).map(|max| (max, Some(*at))),
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use crate::validate::plan;

    /// The messages about these keys.
    fn messages(args: TokenStream) -> Vec<String> {
        let item = quote!(
            async fn call(id: u32) -> Result<u32, Error> {}
        );
        let errors = plan(args, item).err().into_iter().flatten();
        errors.map(|error| error.to_string()).collect()
    }

    #[test]
    fn keys_with_a_meaning_pass() {
        for args in [
            quote!(probe_timeout = "1s", timeout = "5s"),
            quote!(success_threshold = 5, half_open_max_calls = 2),
            quote!(failure_rate = 0.5, window = "1m", min_calls = 1000),
            quote!(failure_rate = 0.5, window = SPAN, min_calls = 1000),
            quote!(failure_rate = 0.5, window = 10),
            quote!(config = SHARED, min_calls = 1000, slow_call_rate = 0.5),
            quote!(slow_call_duration = "5s", timeout = "5s", on_cancel = "5s"),
            quote!(recovery_timeout = SPAN, backoff(max = "1s")),
            quote!(config = SHARED, backoff(max = "1s")),
            quote!(recovery_timeout = "10m", backoff),
            quote!(fail_max = 1, fail_window = "off"),
            quote!(fail_max = "off", failure_rate = 0.5, fail_window = "off"),
            quote!(fail_max = "off", window_fail_max = 5),
            quote!(fail_max = "off", failure_rate = RATE),
            quote!(fail_max = "off", config = SHARED),
            quote!(fail_max = LIMIT, fail_window = "1m"),
            quote!(enabled = false, fail_max = 3),
            quote!(otherwise = ignored),
            quote!(otherwise = success, include(E::A)),
            quote!(exclude(E::A(n) if n > 3, E::A(n) if n < 1)),
            quote!(exclude(Kind::A), failure_if(Kind::A)),
            quote!(name = id::NAME, fail_max = LIMITS.id),
        ] {
            assert_eq!(messages(args.clone()), Vec::<String>::new(), "{args}");
        }
    }

    #[test]
    fn a_wrong_value_is_not_a_missing_one() {
        for args in
            [quote!(slow_call_duration = 5, slow_call_rate = 0.5), quote!(failure_rate = 50, window = 5, min_calls = 5)]
        {
            assert_eq!(messages(args.clone()).len(), 1, "{args}");
        }
    }
}
