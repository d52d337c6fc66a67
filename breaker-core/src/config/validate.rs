//! Finds keys that contradict each other, and settings that leave no rule on failures.

use crate::config::error::ConfigError;
use crate::config::keys::Config;
use crate::config::types::{PerFunction, Window};

/// A key that contradicts another one of the same source.
pub(crate) struct Contradiction {
    pub(crate) key: &'static str,
    pub(crate) expected: &'static str,
}

/// Two keys that contradict each other: the reported one, its expected value, and the condition.
macro_rules! contradictions {
    ($($key:literal, $expected:literal, |$config:ident| $wrong:expr;)*) => {
        impl Config {
            /// The contradictions within this `Config`. Contradictions within one source are always
            /// wrong. [`Settings`](crate::Settings) resolves those between different sources.
            pub(crate) fn contradictions(&self) -> Vec<Contradiction> {
                let mut found = Vec::new();
                $({
                    let $config = self;
                    if $wrong {
                        found.push(Contradiction { key: $key, expected: $expected });
                    }
                })*
                found
            }

            /// Ends the compilation of a constant that contradicts itself.
            ///
            /// ```compile_fail,E0080
            /// use breaker_core::{CircuitBreakerError, Config, circuit_breaker};
            ///
            /// const NEVER_JUDGED: Config = Config::new().failure_rate(0.5).window_calls(10).min_calls(20);
            ///
            /// #[circuit_breaker(config = NEVER_JUDGED)]
            /// fn f() -> Result<(), CircuitBreakerError> { Ok(()) }
            /// ```
            pub(crate) const fn assert_consistent(&self) {
                $({
                    let $config = self;
                    assert!(!$wrong, concat!("`", $key, "` must be ", $expected));
                })*
            }
        }
    };
}

contradictions! {
    "min_calls", "at most the number of calls in `window`, else no rate is ever evaluated",
    |config| matches!((config.min_calls, config.window), (Some(least), Some(Window::Calls(calls))) if least > calls);

    "window_fail_max", "at most the number of calls in `window`, else it is never reached",
    |config| matches!((config.window_fail_max, config.window), (Some(Some(most)), Some(Window::Calls(calls))) if most > calls);

    "probe_count", "at least `success_threshold`, else it never closes",
    |config| matches!((config.probe_count, config.success_threshold), (Some(Some(probes)), Some(needed)) if probes < needed);

    "backoff", "one with a `max` of at least `recovery_timeout`",
    |config| matches!(
        (config.backoff, config.recovery_timeout),
        (Some(Some(backoff)), Some(first)) if backoff.max.as_nanos() < first.as_nanos()
    );

    "retry_max", "at least `retry_min`",
    |config| matches!(
        (config.retry_min, config.retry_max),
        (Some(PerFunction::All(min)), Some(PerFunction::All(max))) if max.as_nanos() < min.as_nanos()
    );
}

impl Config {
    /// The keys that a complete `Config` lacks. A slow-call rate without a duration can only be a
    /// mistake, and so can a breaker that no failure opens.
    pub(crate) fn orphans(&self) -> Vec<Contradiction> {
        let slow_call_duration = matches!(self.slow_call_duration, Some(Some(_)));
        let needs = |there: bool, key, expected| (!there).then_some(Contradiction { key, expected });
        let slow_call_rate = self.slow_call_rate.and_then(|_| {
            needs(
                slow_call_duration,
                "slow_call_rate",
                "a `slow_call_duration` beside it, which says when a call is slow",
            )
        });
        let other_rule = "a number, or another rule on failures beside it: `failure_rate` or `window_fail_max`";
        let fail_max = needs(self.opens_by_failures(), "fail_max", other_rule);
        slow_call_rate.into_iter().chain(fail_max).collect()
    }

    /// Whether a rule on failures is left. `fail_max` is one unless it is switched off.
    pub(crate) const fn opens_by_failures(&self) -> bool {
        !matches!(self.fail_max, Some(None)) || self.rule_over_failures().is_some()
    }

    /// The key of a rule on failures in a window, if one is set.
    pub(crate) const fn rule_over_failures(&self) -> Option<&'static str> {
        match (self.failure_rate, self.window_fail_max) {
            (Some(Some(_)), _) => Some("failure_rate"),
            (_, Some(Some(_))) => Some("window_fail_max"),
            _ => None,
        }
    }

    /// Unsets the keys that switch rules on failures off, and returns these keys.
    pub(crate) fn keep_rules_on_failures(&mut self) -> Vec<&'static str> {
        let off = [
            (self.fail_max == Some(None), "fail_max"),
            (self.failure_rate == Some(None), "failure_rate"),
            (self.window_fail_max == Some(None), "window_fail_max"),
        ];
        let keys: Vec<_> = off.into_iter().filter(|(off, _)| *off).map(|(_, key)| key).collect();
        keys.iter().for_each(|key| self.unset(key));
        keys
    }

    /// Ends the compilation of a constant that no failure could open.
    ///
    /// ```compile_fail,E0080
    /// use breaker_core::{CircuitBreakerError, Config, circuit_breaker};
    ///
    /// const NEVER_OPEN: Config = Config::new().fail_max_off();
    ///
    /// #[circuit_breaker(config = NEVER_OPEN)]
    /// fn f() -> Result<(), CircuitBreakerError> { Ok(()) }
    /// ```
    pub(crate) const fn assert_opens_by_failures(&self) {
        assert!(
            self.opens_by_failures(),
            "`fail_max` is off, and no other rule on failures is left: add `failure_rate` or `window_fail_max`"
        );
    }

    /// The problems of a complete `Config` of a breaker. `location` is the location of the errors.
    pub(crate) fn problems_of_whole(&self, location: &str) -> Vec<ConfigError> {
        let mut problems = self.problems(location);
        problems.extend(self.errors_at(location, self.orphans()));
        problems
    }

    /// The problems of this `Config`, and those that appear when it overlays `below`.
    pub(crate) fn problems_over(&self, below: &Self, location: &str) -> Vec<ConfigError> {
        let mut problems = self.problems(location);
        let mut merged = *below;
        merged.overlay(self);
        let wrong = |config: &Self| config.contradictions().into_iter().chain(config.orphans()).collect::<Vec<_>>();
        let (before, after) = (wrong(below), wrong(&merged));
        let new = after.into_iter().filter(|one| before.iter().all(|old| old.key != one.key)).collect();
        problems.extend(merged.errors_at(location, new));
        problems
    }

    fn errors_at(&self, location: &str, wrong: Vec<Contradiction>) -> Vec<ConfigError> {
        let errors_at = |one: Contradiction| ConfigError::value(location, one.key, &self.shown(one.key), one.expected);
        wrong.into_iter().map(errors_at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::types::Backoff;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn keys(problems: &[ConfigError]) -> Vec<&str> {
        problems.iter().map(|problem| problem.message().split('`').nth(1).unwrap()).collect()
    }

    #[test]
    fn values_out_of_range_are_reported_with_what_was_expected() {
        let wrong = [
            (Config::new().failure_rate(0.0), "failure_rate"),
            (Config::new().failure_rate(1.01), "failure_rate"),
            (Config::new().failure_rate(f64::NAN), "failure_rate"),
            (Config::new().slow_call_duration(Duration::ZERO), "slow_call_duration"),
            (Config::new().slow_call_duration(SECOND).slow_call_rate(-0.5), "slow_call_rate"),
            (Config::new().window(Duration::ZERO), "window"),
            (Config::new().window_calls(0), "window"),
            (Config::new().window_calls(Window::MAX_CALLS + 1), "window"),
            (Config::new().min_calls(0), "min_calls"),
            (Config::new().window_fail_max(0), "window_fail_max"),
            (Config::new().backoff(Backoff::new().factor(0.9)), "backoff"),
            (Config::new().backoff(Backoff::new().factor(f64::INFINITY)), "backoff"),
            (Config::new().backoff(Backoff::new().max(Duration::ZERO)), "backoff"),
            (Config::new().backoff(Backoff::new().jitter(1.5)), "backoff"),
            (Config::new().probe_count(0), "probe_count"),
            (Config::new().probe_failure_rate(2.0), "probe_failure_rate"),
            (Config::new().ramp(Duration::ZERO), "ramp"),
        ];
        for (config, key) in wrong {
            assert_eq!(keys(&config.problems_of_whole("here")), [key], "{config:?}");
        }
        let message = Config::new().failure_rate(50.0).problems("here")[0].to_string();
        assert_eq!(
            message,
            "here: `failure_rate` is 50, expected a share above 0 and at most 1 such as 0.5, or \"off\""
        );
    }

    #[test]
    fn keys_that_contradict_each_other_are_reported() {
        let wrong = [
            (Config::new().window_calls(10).min_calls(11), "min_calls"),
            (Config::new().window_calls(10).window_fail_max(11), "window_fail_max"),
            (Config::new().success_threshold(3).probe_count(2), "probe_count"),
            (Config::new().recovery_timeout(SECOND * 2).backoff(Backoff::new().max(SECOND)), "backoff"),
            (Config::new().slow_call_rate(0.5), "slow_call_rate"),
        ];
        for (config, key) in wrong {
            assert_eq!(keys(&config.problems_of_whole("here")), [key], "{config:?}");
        }
        let fits =
            Config::new().window(SECOND).min_calls(1000).window_fail_max(1000).success_threshold(2).probe_count(2);
        assert!(fits.problems_of_whole("here").is_empty());
    }

    #[test]
    fn a_change_is_checked_with_the_layers_below_and_only_for_what_it_makes_wrong() {
        let below = Config::new().window_calls(10).slow_call_duration(SECOND);
        assert!(Config::new().slow_call_rate(0.3).problems_over(&below, "here").is_empty());
        assert_eq!(keys(&Config::new().min_calls(11).problems_over(&below, "here")), ["min_calls"]);
        let wrong_already = Config::new().window_calls(10).min_calls(11);
        assert!(Config::new().fail_max(3).problems_over(&wrong_already, "here").is_empty());
    }
}
