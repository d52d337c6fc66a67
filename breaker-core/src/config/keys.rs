//! The one table of keys. From it come the partial [`Config`], the resolved [`Settings`], the
//! ranges, the reading from text and the merging of layers.

use crate::config::error::ConfigError;
#[cfg(feature = "serde")]
use crate::config::json::{Json, Shape};
use crate::config::ranges::{above_zero, all, as_is, attempted, lasting, lasts, one_or_more, paced, share, some};
use crate::config::types::{Backoff, Limits, OnCancel, OnPanic, PerFunction, Window};
use crate::config::value::Value;
use std::time::Duration;

/// The table. One row: documentation, key, type that the setter takes, stored type, how the one
/// becomes the other, default, and the range as a `const` condition with its words.
macro_rules! keys {
    ($(
        $(#[$doc:meta])*
        $key:ident($argument:ty => $wrap:expr): $type:ty = $default:expr,
        |$value:ident| $valid:expr, $expected:literal;
    )*) => {
        /// Settings of a breaker, of which any may be unset: unset ones fall to the layer below, at
        /// last to the defaults. Every setter is `const`, so that a `Config` can be a constant that
        /// several functions share.
        ///
        /// A value out of its range is told where the `Config` is used: by the compiler in an
        /// attribute, else as a [`ConfigError`].
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

            /// Each value that is out of its range or contradicts another one, as an error told of
            /// `place`.
            pub(crate) fn problems(&self, place: &str) -> Vec<ConfigError> {
                let mut problems = Vec::new();
                let mut tell = |key, value: &str, expected| problems.push(ConfigError::value(place, key, value, expected));
                $(if let Some(bad) = self.$key.filter(|&$value| !$valid) { tell(stringify!($key), &bad.show(), $expected); })*
                for wrong in self.contradictions() {
                    tell(wrong.key, &self.shown(wrong.key), wrong.expected);
                }
                problems
            }

            /// The value of `key`, if it is set.
            pub(crate) fn shown(&self, key: &str) -> String {
                $(if key == stringify!($key) { return self.$key.map_or_else(String::new, |value| value.show()); })*
                String::new()
            }

            /// Leaves `key` to the layer below.
            pub(crate) fn unset(&mut self, key: &str) {
                $(if key == stringify!($key) { self.$key = None; })*
            }

            /// Reads one key from text. `None`: there is no such key; `Some(Err(expected))`: not
            /// such a value.
            pub(crate) fn read(&mut self, key: &str, text: &str) -> Option<Result<(), &'static str>> {
                $(if key == stringify!($key) {
                    return Some(match <$type as Value>::read(text) {
                        Some($value) if $valid => { self.$key = Some($value); Ok(()) }
                        _ => Err($expected),
                    });
                })*
                None
            }

            /// The keys that `other` sets and this one does not are taken over; where both set one
            /// to different values, this one stands, and the key is told with both values.
            pub(crate) fn unite(&mut self, other: &Self) -> Vec<(&'static str, String, String)> {
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

            /// The keys of `upper` win over those here.
            pub(crate) fn overlay(&mut self, upper: &Self) {
                let lower = std::mem::replace(self, *upper);
                let _ = self.unite(&lower);
            }

            /// Whether `key` is set.
            pub(crate) fn sets(&self, key: &str) -> bool {
                KEYS.iter().zip(self.set()).any(|(one, set)| *one == key && set)
            }

            /// Which keys are set, in the order of [`KEYS`].
            pub(crate) const fn set(&self) -> [bool; KEYS.len()] {
                [$(self.$key.is_some(),)*]
            }
        }

        /// Every key of a breaker with the value that is in force.
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
            /// The defaults under `config`, and what follows from other keys.
            pub(crate) fn resolve(config: &Config, limits: Limits) -> Self {
                let mut settings = Self { limits, ..Self::default() };
                $(if let Some(value) = config.$key { settings.$key = value; })*
                settings.probe_timeout = Some(settings.probe_lease());
                settings.probe_count = Some(settings.probes());
                settings
            }

            /// Each key with its value as in the JSON of a snapshot.
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
                // What each function has of its own is shown with the functions.
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

        /// The keys, as they are written in an attribute or a file.
        pub(crate) const KEYS: &[&str] = &[$(stringify!($key),)*];
    };
}

keys! {
    /// How many counted failures in a row open the breaker: 1 or more, 5 if
    /// unset. [`Config::fail_max_off`]: no number does.
    ///
    /// Where code (an attribute, or a `Config` of a breaker or of `configure`) gives `failure_rate`
    /// or `window_fail_max` and no place gives `fail_max`, it is off. A variable, a file or a slow
    /// rule does not switch it off so.
    fail_max(u32 => some): Option<u32> = Some(5),
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// A run of failures is forgotten when longer than this passes between two of them: above zero,
    /// 60 s if unset.
    /// [`Config::fail_window_off`]: never.
    fail_window(Duration => some): Option<Duration> = Some(Duration::from_secs(60)),
    |span| above_zero(span), "a duration above zero such as \"60s\", or \"off\"";

    /// How long the breaker stays open before probes are let in: 30 s if unset. Zero: the next call
    /// is a probe.
    recovery_timeout(Duration => as_is): Duration = Duration::from_secs(30),
    |_span| true, "a duration such as \"30s\"";

    /// How many probes may run at once while half-open: 1 or more, 1 if unset.
    half_open_max_calls(u32 => as_is): u32 = 1,
    |n| n >= 1, "a whole number of 1 or more";

    /// How many successful probes close it: 1 or more, 1 if unset.
    success_threshold(u32 => as_is): u32 = 1,
    |n| n >= 1, "a whole number of 1 or more";

    /// A probe that has not come back by then loses its slot (its result still decides): above
    /// zero. If unset, the larger of `recovery_timeout` and twice `timeout`; 1 s where that is
    /// zero.
    probe_timeout(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"30s\"";

    /// Opens also when this share of the calls in the window failed (`>=`), judged after any call:
    /// above 0, at most 1; off if unset.
    failure_rate(f64 => some): Option<f64> = None,
    |rate| share(rate), "a share above 0 and at most 1 such as 0.5, or \"off\"";

    /// Calls that take longer than this (`>`) are slow, also those that succeed, and those that are
    /// dropped after it: above zero; off if unset. One that is still under way counts when the next
    /// call asks. Such a breaker opens when `slow_call_rate` of the calls in the window are slow. A call
    /// with the key `stream` takes as long as its stream.
    slow_call_duration(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"2s\", or \"off\"";

    /// Opens when this share of the calls in the window was slow (`>=`): above 0, at most 1; 0.5 if
    /// unset. Without a `slow_call_duration` it does nothing.
    slow_call_rate(f64 => as_is): f64 = 0.5,
    |rate| share(Some(rate)), "a share above 0 and at most 1 such as 0.5";

    /// Opens also when there are so many failures in the window, whatever succeeded between them: 1
    /// or more; off if unset. Where that is more than a window of calls holds, a window full of
    /// failures opens it.
    window_fail_max(u32 => some): Option<u32> = None,
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// What `failure_rate`, `slow_call_rate` and `window_fail_max` look at: the calls of the last
    /// while. [`Config::window_calls`]: the last calls, 100 if neither is set. See [`Window`] for
    /// ranges, memory and precision.
    window(Duration => Window::Time): Window = Window::Calls(100),
    |window| window.is_valid(), "a number of calls from 1 to 1000000, or a duration above zero such as \"60s\"";

    /// The rates are not judged of fewer calls: 1 or more, 10 if unset. Where that is more than a
    /// window of calls holds, a full window is judged.
    min_calls(u32 => as_is): u32 = 10,
    |n| n >= 1, "a whole number of 1 or more";

    /// How the open time grows with each recovery that fails: off if unset.
    backoff(Backoff => some): Option<Backoff> = None,
    |backoff| paced(backoff), "\"on\", \"off\", or some of factor=2.0 (1 to 1000), max=10m (above zero) and jitter=0.1 (0 to 1)";

    /// How many probes a recovery is judged by: it closes when `success_threshold` of them have
    /// succeeded, and opens again as soon as that cannot be reached any more. 1 or more; if unset
    /// `success_threshold`, so that one failure opens it.
    probe_count(u32 => some): Option<u32> = None,
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// Judges a recovery by its rates in place of a number of successes: when `probe_count` probes
    /// have come back it opens again if this share of them failed (`>=`) or `slow_call_rate` of them
    /// were slow, and closes otherwise. Above 0, at most 1; off if unset. Without a `probe_count`
    /// it looks at `half_open_max_calls` probes.
    probe_failure_rate(f64 => some): Option<f64> = None,
    |rate| share(rate), "a share above 0 and at most 1 such as 0.5, or \"off\"";

    /// After probes have closed it, calls are let in by a share that grows evenly from none to all
    /// over this time: above zero; off if unset. The first call is always let in; what then passes
    /// is not left to chance.
    ramp(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"30s\", or \"off\"";

    /// The body is cancelled when it has run so long, and that is a counted failure: above zero; no
    /// limit if unset, or off. A synchronous call cannot be cut off, nor can any outside of a tokio
    /// runtime with a timer. tokio says by a panic that a runtime has none (`enable_time`). It is
    /// caught, but a process that is built with `panic = "abort"` ends.
    ///
    /// A function whose attribute has a `timeout` of its own goes by that one, unless a variable, a
    /// file or `reconfigure` says another one of the breaker. Of a breaker whose functions have
    /// some, the longest is shown.
    timeout(Duration => some): Option<Duration> = None,
    |span| above_zero(span), "a duration above zero such as \"30s\", or \"off\"";

    /// How many calls may be under way at once: 1 or more; no limit if unset, or off. One more is
    /// rejected at once, as busy, which is told and counted apart and is no evidence of the
    /// service. Without a `timeout` a place is held for as long as its call hangs.
    ///
    /// A call inside a call of the same breaker has its place, a stream keeps one to its end, and
    /// each attempt of a `#[retry]` takes one of its own. Each value of a `key` has so many. While
    /// it is disabled or in shadow nothing is limited. A call that was let in before there was a
    /// limit takes up none of it, and a smaller limit cuts nobody off.
    max_concurrent(u32 => some): Option<u32> = None,
    |n| one_or_more(n), "a whole number of 1 or more, or \"off\"";

    /// What a dropped call counts as: ignored if unset. [`OnCancel::After`] takes a duration above
    /// zero. A stream that is dropped after it gave an item is a success, unless its reader was
    /// waiting for the next one: for at least that duration, or at all with [`OnCancel::Failure`].
    on_cancel(OnCancel => as_is): OnCancel = OnCancel::Ignore,
    |what| lasting(what), "\"ignore\", \"failure\" or a duration above zero";

    /// What a panic of the body counts as: a failure if unset.
    on_panic(OnPanic => as_is): OnPanic = OnPanic::Failure,
    |_what| true, "\"failure\" or \"ignore\"";

    /// Whether health is degraded while this breaker is not closed: `false` if unset.
    critical(bool => as_is): bool = false,
    |_flag| true, "true or false";

    /// How many breakers the values of the attribute's `key` have at most: 1 or more, 10,000 if
    /// unset. Without a `key` it does nothing.
    ///
    /// Where a new value finds no room, an idle breaker leaves: one that no call, no error and no
    /// handle holds. Closed ones without failures that count leave first. Then closed ones with
    /// such failures and those past their open time leave, which are one group. Open ones leave
    /// last. What is an hour old protects no breaker: it leaves as a closed one without failures
    /// does. In each group the longest unused one leaves first. One with a manual state or settings
    /// of its own never leaves.
    ///
    /// With more than 256 it is the longest unused one of some. Where none can leave of at most
    /// 1,024 that are looked at, the new value shares `NAME[*]`.
    max_keys(u32 => as_is): u32 = 10_000,
    |n| n >= 1, "a whole number of 1 or more";

    /// Whether the `#[retry]` of the functions tries failures again: `true` if unset. `false`: each
    /// call has one attempt, which no total bounds.
    retry(bool => as_is): bool = true,
    |_flag| true, "true or false";

    /// How many attempts the `#[retry]` of each function makes at most, in place of its `attempts`:
    /// 1 or more; each function's own if unset. Without a `#[retry]` this and the keys like it do
    /// nothing.
    retry_attempts(u32 => all): PerFunction<u32> = PerFunction::Own,
    |n| attempted(n), "a whole number of 1 or more, or \"own\"";

    /// The wait after the first attempt, in place of the `min` of each `#[retry]`: above zero; each
    /// function's own if unset.
    retry_min(Duration => all): PerFunction<Duration> = PerFunction::Own,
    |span| lasts(span), "a duration above zero such as \"2s\", or \"own\"";

    /// The longest wait between two attempts, in place of the `max` of each `#[retry]`: above zero;
    /// each function's own if unset. Where it is shorter than the `min` that is in force, it is the
    /// only wait.
    retry_max(Duration => all): PerFunction<Duration> = PerFunction::Own,
    |span| lasts(span), "a duration above zero such as \"10s\", or \"own\"";

    /// How long all attempts of a call and the waits between them take at most, in place of the
    /// `total` of each `#[retry]`: above zero; each function's own if unset.
    retry_total(Duration => all): PerFunction<Duration> = PerFunction::Own,
    |span| lasts(span), "a duration above zero such as \"30s\", or \"own\"";

    /// Whether the breaker is there at all: `true` if unset. `false`: state `disabled`, calls pass
    /// straight through.
    enabled(bool => as_is): bool = true,
    |_flag| true, "true or false";
}

impl Config {
    /// No number of failures in a row opens the breaker. It takes another rule on failures,
    /// `failure_rate` or `window_fail_max`.
    pub const fn fail_max_off(mut self) -> Self {
        self.fail_max = Some(None);
        self
    }

    /// A run of failures is never forgotten, however long passes between two of them.
    pub const fn fail_window_off(mut self) -> Self {
        self.fail_window = Some(None);
        self
    }

    /// Calls have no time limit.
    pub const fn timeout_off(mut self) -> Self {
        self.timeout = Some(None);
        self
    }

    /// `failure_rate`, `slow_call_rate` and `window_fail_max` look at so many last calls: 1 to
    /// [`Window::MAX_CALLS`], 100 if unset.
    /// [`Config::window`]: at the calls of the last while.
    pub const fn window_calls(mut self, calls: u32) -> Self {
        self.window = Some(Window::Calls(calls));
        self
    }

    /// What an attribute says, as it stands in an expansion: `"fail_max=5; timeout=2s"`. The
    /// attributes are of this very version, and write what [`Config::read`] reads.
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

    /// The prefix of this breaker's environment variables, without the `_CIRCUIT_` that follows it:
    /// the breaker's name in upper case if unset, with `_` for all but letters and digits.
    pub const fn env_prefix(mut self, prefix: &'static str) -> Self {
        self.env_prefix = Some(prefix);
        self
    }
}
