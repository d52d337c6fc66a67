//! Defines all keys in one table.
//!
//! From it come the partial [`Config`], the resolved [`Settings`], the ranges, the reading from
//! text and the merging of layers.

use crate::config::error::ConfigError;
#[cfg(feature = "serde")]
use crate::config::json::{Json, Shape};
use crate::config::ranges::{
    above_zero, all, as_is, each_above_zero, each_one_or_more, one_or_more, share, some, valid_backoff, valid_on_cancel,
};
use crate::config::types::{Backoff, Limits, OnCancel, OnPanic, PerFunction, Window};
use crate::config::value::Value;
use std::time::Duration;

/// The table. A row has the key, the argument type of the setter and the stored type with the
/// conversion. Then come the default, and the range as a `const` condition with its text. The
/// comments come from `docs/settings.toml`, and `tests/tests/documents.rs` writes them.
macro_rules! keys {
    ($(
        $(#[$doc:meta])*
        $key:ident($argument:ty => $wrap:expr): $type:ty = $default:expr,
        |$value:ident| $valid:expr, $expected:literal;
    )*) => {
        /// Settings of a breaker. Each may be unset. An unset key takes its value from the layer
        /// below, or at last from the defaults. Every setter is `const`, so that several functions
        /// can share a constant `Config`.
        ///
        /// A value out of its range is reported where the `Config` is used. In an attribute the
        /// compiler reports it, and elsewhere a [`ConfigError`] does.
        ///
        /// ```
        /// use breaker_core::Config;
        /// use std::time::Duration;
        ///
        /// const SLOW_API: Config = Config::new().fail_max(3).recovery_timeout(Duration::from_secs(60));
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[must_use = "a Config does nothing until a breaker is made or configured with it"]
        pub struct Config {
            $(pub(crate) $key: Option<$type>,)*
            pub(crate) env_prefix: Option<&'static str>,
        }

        impl Config {
            /// Settings with every key unset.
            pub const fn new() -> Self {
                Self { $($key: None,)* env_prefix: None }
            }

            $($(#[$doc])*
            pub const fn $key(mut self, $key: $argument) -> Self {
                self.$key = Some($wrap($key));
                self
            })*

            /// Ends the compilation of a constant that has a value out of its range.
            ///
            /// # Panics
            /// In `const` evaluation, when a value is out of its range.
            pub(crate) const fn assert_valid(&self) {
                $(if let Some($value) = self.$key { assert!($valid, concat!("`", stringify!($key), "` must be ", $expected)); })*
                self.assert_consistent();
            }

            /// Each value that is out of its range or contradicts another one. `location` is the
            /// location of the errors.
            pub(crate) fn problems(&self, location: &str) -> Vec<ConfigError> {
                let mut problems = Vec::new();
                let mut report = |key, value: &str, expected| problems.push(ConfigError::value(location, key, value, expected));
                $(if let Some(bad) = self.$key.filter(|&$value| !$valid) { report(stringify!($key), &bad.show(), $expected); })*
                for wrong in self.contradictions() {
                    report(wrong.key, &self.shown(wrong.key), wrong.expected);
                }
                problems
            }

            /// The value of `key` as text, or an empty text if it is unset.
            pub(crate) fn shown(&self, key: &str) -> String {
                $(if key == stringify!($key) { return self.$key.map_or_else(String::new, |value| value.show()); })*
                String::new()
            }

            /// Unsets `key`, so that the layer below decides.
            pub(crate) fn unset(&mut self, key: &str) {
                $(if key == stringify!($key) { self.$key = None; })*
            }

            /// Reads one key from text. `None`: there is no such key. `Some(Err(expected))`: the
            /// text is not a valid value.
            pub(crate) fn read(&mut self, key: &str, text: &str) -> Option<Result<(), &'static str>> {
                $(if key == stringify!($key) {
                    return Some(match <$type as Value>::read(text) {
                        Some($value) if $valid => { self.$key = Some($value); Ok(()) }
                        _ => Err($expected),
                    });
                })*
                None
            }

            /// Takes over the keys that only `other` sets. Where both set a key to different
            /// values, this value remains. The result lists each such key with both values.
            pub(crate) fn merge(&mut self, other: &Self) -> Vec<(&'static str, String, String)> {
                let mut conflicts = Vec::new();
                $(match (self.$key, other.$key) {
                    (None, theirs) => self.$key = theirs,
                    (Some(mine), Some(theirs)) if mine != theirs => {
                        conflicts.push((stringify!($key), mine.show(), theirs.show()));
                    }
                    _ => {}
                })*
                match (self.env_prefix, other.env_prefix) {
                    (None, theirs) => self.env_prefix = theirs,
                    (Some(mine), Some(theirs)) if mine != theirs => {
                        conflicts.push(("env_prefix", format!("{mine:?}"), format!("{theirs:?}")));
                    }
                    _ => {}
                }
                conflicts
            }

            /// Sets the keys that `upper` sets to its values.
            pub(crate) fn overlay(&mut self, upper: &Self) {
                let lower = std::mem::replace(self, *upper);
                let _ = self.merge(&lower);
            }

            /// Whether `key` is set.
            pub(crate) fn sets(&self, key: &str) -> bool {
                KEYS.iter().zip(self.set()).any(|(known, set)| *known == key && set)
            }

            /// Which keys are set, in the order of [`KEYS`].
            pub(crate) const fn set(&self) -> [bool; KEYS.len()] {
                [$(self.$key.is_some(),)*]
            }
        }

        /// Every key of a breaker with its value in force.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[$doc])* pub $key: $type,)*
            pub(crate) limits: Limits,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($key: $default,)* limits: Limits::default() }
            }
        }

        impl Settings {
            /// The defaults below `config`, with the values that follow from other keys.
            pub(crate) fn resolve(config: &Config, limits: Limits) -> Self {
                let mut settings = Self { limits, ..Self::default() };
                $(if let Some(value) = config.$key { settings.$key = value; })*
                settings.probe_timeout = Some(settings.probe_lease());
                settings.probe_count = Some(settings.probes());
                settings
            }

            /// Each key with its value, as the JSON of a snapshot shows it.
            #[cfg(feature = "serde")]
            pub(crate) fn entries(&self) -> Vec<(&'static str, Json)> {
                vec![$((stringify!($key), self.$key.json()),)*]
            }
        }

        impl Settings {
            /// Each key with its value as text, as [`Config::with_str`] reads it.
            #[must_use]
            pub fn to_strings(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($key), self.$key.show()),)*]
            }
        }

        impl std::fmt::Display for Settings {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // The functions show the values that are their own.
                let own = |(key, value): &(&str, String)| match *key {
                    "retry" => self.retry,
                    _ => value == "own",
                };
                let shown = self.to_strings().into_iter().filter(|text| !own(text));
                for (index, (key, value)) in shown.enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{key} {value}")?;
                }
                Ok(())
            }
        }

        /// The keys, as an attribute or a file writes them.
        pub(crate) const KEYS: &[&str] = &[$(stringify!($key),)*];
    };
}

keys! {
    /// How many consecutive failures open the breaker.
    ///
    /// Takes a number of 1 or more. Default: `5`; `off` beside `failure_rate` or `window_fail_max`.
    ///
    /// [`Config::fail_max_off`] switches the rule off. It is also off where code gives
    /// `failure_rate` or `window_fail_max`, and no source gives `fail_max`. Code is an attribute,
    /// or a `Config` of a breaker or of [`Registry::set_config`](crate::Registry::set_config). A
    /// variable, a file or a slow rule does not switch it off in this way.
    fail_max(u32 => some): Option<u32> = Some(5),
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// Consecutive failures more than this far apart do not add up: the count starts again.
    ///
    /// Takes a duration above zero. Default: `60s`.
    fail_window(Duration => some): Option<Duration> = Some(Duration::from_secs(60)),
    |span| above_zero(span), "a duration above zero such as \"60s\", or \"off\"";

    /// How long the breaker stays open before it admits probes.
    ///
    /// Takes a duration; with zero the next call is a probe. Default: `30s`.
    recovery_timeout(Duration => as_is): Duration = Duration::from_secs(30),
    |_span| true, "a duration such as \"30s\"";

    /// How many probes may run at once while the breaker is half-open.
    ///
    /// Takes a number of 1 or more. Default: `1`.
    half_open_max_calls(u32 => as_is): u32 = 1,
    |n| n >= 1, "a whole number of 1 or more";

    /// How many successful probes close the breaker.
    ///
    /// Takes a number of 1 or more. Default: `1`.
    success_threshold(u32 => as_is): u32 = 1,
    |n| n >= 1, "a whole number of 1 or more";

    /// A probe that has not returned after this time loses its slot. Its result still counts.
    ///
    /// Takes a duration above zero. Default: the larger of `recovery_timeout` and 2 x `timeout`;
    /// `"1s"` where that is 0.
    probe_timeout(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"30s\"";

    /// The breaker also opens when at least this share of the calls in the window failed.
    ///
    /// Takes a share above 0 and at most 1. Default: `off`.
    ///
    /// The rule is checked after each call, and needs `min_calls` in the window.
    failure_rate(f64 => some): Option<f64> = None,
    |rate| share(rate), "a share above 0 and at most 1 such as 0.5, or \"off\"";

    /// A call that takes longer is slow. A slow probe is a failed one, unless there is a
    /// `probe_failure_rate`.
    ///
    /// Takes a duration above zero. Default: `off`.
    ///
    /// A call that succeeds can be slow, and so can one that is dropped after this time. A call in
    /// flight counts as slow when the next call checks it. The breaker opens when `slow_call_rate`
    /// of the calls in the window are slow. A call with the key `stream` takes as long as its
    /// stream.
    slow_call_duration(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"2s\", or \"off\"";

    /// The breaker opens when at least this share of the calls in the window was slow. It needs a
    /// `slow_call_duration`.
    ///
    /// Takes a share above 0 and at most 1. Default: `0.5`.
    slow_call_rate(f64 => as_is): f64 = 0.5,
    |rate| share(Some(rate)), "a share above 0 and at most 1 such as 0.5";

    /// The breaker also opens at this number of failures in the window, even with successes between
    /// them.
    ///
    /// Takes a number of 1 or more. Default: `off`.
    ///
    /// Where a window of calls holds fewer calls, a window full of failures opens the breaker.
    window_fail_max(u32 => some): Option<u32> = None,
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// The calls that `failure_rate`, `slow_call_rate` and `window_fail_max` count: the last ones,
    /// or those of a time.
    ///
    /// Takes a duration above zero. Default: `100 calls`.
    ///
    /// [`Config::window_calls`] sets a number of last calls instead. [`Window`] says what a window
    /// holds and how much memory it takes.
    window(Duration => Window::Time): Window = Window::Calls(100),
    |window| window.is_valid(), "a number of calls from 1 to 1000000, or a duration above zero such as \"60s\"";

    /// The rates apply from this number of calls in the window on.
    ///
    /// Takes a number of 1 or more. Default: `10`.
    ///
    /// One `Config` cannot ask for more calls than its `window` holds. Where another source gives a
    /// smaller window of calls, a full window is enough.
    min_calls(u32 => as_is): u32 = 10,
    |n| n >= 1, "a whole number of 1 or more";

    /// The open time grows with each failed recovery.
    ///
    /// Takes a [`Backoff`]. Default: `off`.
    backoff(Backoff => some): Option<Backoff> = None,
    |backoff| valid_backoff(backoff), "\"on\", \"off\", or some of factor=2.0 (1 to 1000), max=10m (above zero) and jitter=0.1 (0 to 1)";

    /// How many probes decide a recovery. The breaker opens again as soon as `success_threshold`
    /// successes among them are out of reach.
    ///
    /// Takes a number of 1 or more. Default: `success_threshold`.
    ///
    /// The breaker closes when `success_threshold` of them succeed. By default one failed probe
    /// opens it again.
    probe_count(u32 => some): Option<u32> = None,
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// When `probe_count` probes have returned, the breaker opens again if at least this share
    /// failed, or if `slow_call_rate` of them were slow. Otherwise it closes.
    ///
    /// Takes a share above 0 and at most 1. Default: `off`.
    ///
    /// It replaces the number of successes. Without a `probe_count` the breaker takes
    /// `half_open_max_calls` probes.
    probe_failure_rate(f64 => some): Option<f64> = None,
    |rate| share(rate), "a share above 0 and at most 1 such as 0.5, or \"off\"";

    /// After probes have closed the breaker, it admits a share of the calls. The share grows evenly
    /// from none to all over this time.
    ///
    /// Takes a duration above zero. Default: `off`.
    ///
    /// Admission is deterministic: each call adds the current share to a sum, and the breaker
    /// admits it when the sum reaches one. The first call is always admitted. A failure that opens
    /// the breaker during a ramp counts as a failed recovery.
    ramp(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"30s\", or \"off\"";

    /// The time limit of one call, from its first wait. A timeout is a counted failure. It needs an
    /// async function in a tokio runtime.
    ///
    /// Takes a duration above zero. Default: that of the breaker in code, or `off`.
    ///
    /// The breaker cancels a body that runs longer. It cannot time out a synchronous call, nor any
    /// call outside of a tokio runtime with a timer. For a runtime without a timer (`enable_time`),
    /// tokio panics. The breaker catches that panic, but a process that is built with
    /// `panic = "abort"` ends.
    ///
    /// A `timeout` in the attribute of a function applies to that function. A variable, a file or
    /// `reconfigure` can override it for the breaker. A breaker shows the longest time limit of its
    /// functions.
    timeout(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"30s\", or \"off\"";

    /// How many calls may be in flight at once. One more is rejected as busy, at once.
    ///
    /// Takes a number of 1 or more. Default: `off`.
    ///
    /// The breaker reports and counts such a rejection separately. It is no evidence against the
    /// service. Without a `timeout`, a call that hangs holds its place.
    ///
    /// The guide's page on [bulkheads](crate::_guide::bulkhead) has the rules: who shares places,
    /// and how long a call holds one.
    max_concurrent(u32 => some): Option<u32> = None,
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// What a dropped call counts as. With a duration, a call that is dropped after that time is a
    /// failure.
    ///
    /// Takes an [`OnCancel`]. Default: `ignore`.
    ///
    /// A stream that is dropped after an item is a success, unless its reader was waiting for the
    /// next item. That wait counts if it lasted for at least that duration, or at all with
    /// [`OnCancel::Failure`].
    on_cancel(OnCancel => as_is): OnCancel = OnCancel::Ignore,
    |what| valid_on_cancel(what), "\"ignore\", \"failure\" or a duration above zero";

    /// What a panic of the body counts as.
    ///
    /// Takes an [`OnPanic`]. Default: `failure`.
    on_panic(OnPanic => as_is): OnPanic = OnPanic::Failure,
    |_what| true, "\"failure\" or \"ignore\"";

    /// Health is degraded while this breaker is not closed.
    ///
    /// Takes `true` or `false`. Default: `false`.
    critical(bool => as_is): bool = false,
    |_flag| true, "true or false";

    /// The maximum number of keyed breakers. At the maximum, a new key evicts an idle keyed
    /// breaker.
    ///
    /// Takes a number of 1 or more. Default: `10000`.
    ///
    /// It has no effect without a `key` in the attribute. The guide's page on
    /// [keys](crate::_guide::keys#eviction) says which one is evicted.
    max_keys(u32 => as_is): u32 = 10_000,
    |n| n >= 1, "a whole number of 1 or more";

    /// With `false` each call has one attempt, without a `total`.
    ///
    /// Takes `true` or `false`. Default: `true`.
    ///
    /// Without a `#[retry]`, this key and the other `retry` keys have no effect.
    retry(bool => as_is): bool = true,
    |_flag| true, "true or false";

    /// The maximum number of attempts, in place of `attempts`. 1 is no retry.
    ///
    /// Takes a number of 1 or more. Default: `own`.
    retry_attempts(u32 => all): PerFunction<u32> = PerFunction::Own,
    |n| each_one_or_more(n), "a whole number of 1 or more, or \"own\"";

    /// The wait after the first attempt, in place of `min`.
    ///
    /// Takes a duration above zero. Default: `own`.
    retry_min(Duration => all): PerFunction<Duration> = PerFunction::Own,
    |span| each_above_zero(span), "a duration above zero such as \"2s\", or \"own\"";

    /// The longest wait between two attempts, in place of `max`.
    ///
    /// Takes a duration above zero. Default: `own`.
    ///
    /// Where it is shorter than the `min` in force, every wait is this long.
    retry_max(Duration => all): PerFunction<Duration> = PerFunction::Own,
    |span| each_above_zero(span), "a duration above zero such as \"10s\", or \"own\"";

    /// The maximum time of all attempts of a call and the waits between them, in place of `total`.
    ///
    /// Takes a duration above zero. Default: `own`.
    retry_total(Duration => all): PerFunction<Duration> = PerFunction::Own,
    |span| each_above_zero(span), "a duration above zero such as \"30s\", or \"own\"";

    /// With `false` the state is `disabled`: calls go straight to the body and are not counted.
    ///
    /// Takes `true` or `false`. Default: `true`.
    enabled(bool => as_is): bool = true,
    |_flag| true, "true or false";
}
