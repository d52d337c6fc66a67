//! Keys: settings of which any may be unset, how they lie above each other, what they come to, and
//! which contradict each other.

use breaker_core::{Backoff, Config, OnCancel, OnPanic, Window};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt;
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A `Backoff`, whose fields are private.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    pub(crate) factor: f64,
    pub(crate) max: Duration,
    pub(crate) jitter: f64,
}

/// The table: key, type, values to try, and how it is set.
macro_rules! keys {
    ($($key:ident: $type:ty = $any:expr, |$config:ident, $value:ident| $set:expr;)*) => {
        #[derive(Clone, Copy, Default, PartialEq)]
        pub(crate) struct Keys {
            $(pub(crate) $key: Option<$type>,)*
        }

        /// Those that are set.
        impl fmt::Debug for Keys {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut set = f.debug_struct("Keys");
                $(if let Some(value) = self.$key {
                    set.field(stringify!($key), &value);
                })*
                set.finish_non_exhaustive()
            }
        }

        impl Keys {
            /// These keys, and where they say nothing those of `below`.
            pub(crate) fn over(self, below: Self) -> Self {
                Self { $($key: self.$key.or(below.$key),)* }
            }

            pub(crate) fn config(self) -> Config {
                let config = Config::new();
                $(let config = match (config, self.$key) {
                    ($config, Some($value)) => $set,
                    ($config, None) => $config,
                };)*
                config
            }

            fn unset(&mut self, key: &str) {
                $(if key == stringify!($key) { self.$key = None; })*
            }

            /// One key alone.
            fn one() -> impl Strategy<Value = Self> {
                prop_oneof![$($any.prop_map(|value| Self { $key: Some(value), ..Self::default() }),)*]
            }
        }
    };
}

keys! {
    fail_max: Option<u32> = prop_oneof![6 => (1_u32..5).prop_map(Some), 2 => Just(Some(1000)), 1 => Just(None)],
        |config, n| n.map_or(config.fail_max_off(), |n| config.fail_max(n));
    fail_window: Option<Duration> = prop_oneof![Just(None), spans(20..500)],
        |config, span| span.map_or(config.fail_window_off(), |span| config.fail_window(span));
    recovery_timeout: Duration = prop_oneof![4 => (20_u64..300).prop_map(ms), 1 => Just(ms(0))],
        |config, span| config.recovery_timeout(span);
    half_open_max_calls: u32 = 1_u32..4, |config, n| config.half_open_max_calls(n);
    success_threshold: u32 = 1_u32..4, |config, n| config.success_threshold(n);
    probe_timeout: Duration = (10_u64..3000).prop_map(ms), |config, span| config.probe_timeout(span);
    failure_rate: f64 = shares(), |config, rate| config.failure_rate(rate);
    slow_call_duration: Duration = (5_u64..60).prop_map(ms), |config, span| config.slow_call_duration(span);
    slow_call_rate: f64 = shares(), |config, rate| config.slow_call_rate(rate);
    window: Window = prop_oneof![(1_u32..70).prop_map(Window::Calls), (1_u64..2000).prop_map(|span| Window::Time(ms(span)))],
        |config, window| match window {
            Window::Calls(calls) => config.window_calls(calls),
            Window::Time(span) => config.window(span),
            _ => unreachable!(),
        };
    min_calls: u32 = 1_u32..15, |config, n| config.min_calls(n);
    window_fail_max: u32 = 1_u32..10, |config, n| config.window_fail_max(n);
    backoff: Growth = growths(),
        |config, it| config.backoff(Backoff::new().factor(it.factor).max(it.max).jitter(it.jitter));
    probe_count: u32 = 1_u32..6, |config, n| config.probe_count(n);
    probe_failure_rate: f64 = shares(), |config, rate| config.probe_failure_rate(rate);
    ramp: Duration = (1_u64..300).prop_map(ms), |config, span| config.ramp(span);
    timeout: Duration = (10_u64..400).prop_map(ms), |config, span| config.timeout(span);
    on_cancel: OnCancel = prop_oneof![Just(OnCancel::Ignore), Just(OnCancel::Failure), (1_u64..60).prop_map(|n| OnCancel::After(ms(n)))],
        |config, what| config.on_cancel(what);
    on_panic: OnPanic = prop_oneof![Just(OnPanic::Failure), Just(OnPanic::Ignore)], |config, what| config.on_panic(what);
    enabled: bool = prop_oneof![9 => Just(true), 1 => Just(false)], |config, flag| config.enabled(flag);
}

fn spans(range: std::ops::Range<u64>) -> impl Strategy<Value = Option<Duration>> {
    range.prop_map(|span| Some(ms(span)))
}

fn shares() -> impl Strategy<Value = f64> {
    (1_u32..=20).prop_map(|share| f64::from(share) / 20.0)
}

fn growths() -> impl Strategy<Value = Growth> {
    let factor = prop_oneof![1 => Just(1.0), 1 => Just(1.5), 3 => Just(2.0), 1 => Just(10.0)];
    let jitter = prop_oneof![3 => Just(0.0), 1 => Just(0.5)];
    (factor, 100_u64..2000, jitter).prop_map(|(factor, max, jitter)| Growth { factor, max: ms(max), jitter })
}

impl Keys {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        vec(Self::one(), 0..4).prop_map(|keys| keys.into_iter().fold(Self::default(), Self::over))
    }

    /// Keys that a breaker can be made of.
    pub(crate) fn whole() -> impl Strategy<Value = Self> {
        vec(Self::one(), 0..12).prop_map(|keys| {
            let mut keys = keys.into_iter().fold(Self::default(), Self::over);
            keys.contradictions().into_iter().for_each(|wrong| keys.unset(wrong));
            keys.orphans().into_iter().for_each(|wrong| keys.unset(wrong));
            keys
        })
    }

    /// The keys that contradict others beside them.
    pub(crate) fn contradictions(&self) -> Vec<&'static str> {
        let beyond = |n: Option<u32>| matches!((n, self.window), (Some(n), Some(Window::Calls(calls))) if n > calls);
        let out_of_reach =
            matches!((self.probe_count, self.success_threshold), (Some(of), Some(needed)) if of < needed);
        let below_first = matches!((self.backoff, self.recovery_timeout), (Some(it), Some(first)) if it.max < first);
        let found = [
            ("min_calls", beyond(self.min_calls)),
            ("window_fail_max", beyond(self.window_fail_max)),
            ("probe_count", out_of_reach),
            ("backoff", below_first),
        ];
        found.into_iter().filter_map(|(key, wrong)| wrong.then_some(key)).collect()
    }

    /// A share of nothing, and no rule on failures.
    pub(crate) fn orphans(&self) -> Vec<&'static str> {
        let slow_call_rate = self.slow_call_rate.is_some() && self.slow_call_duration.is_none();
        let fail_max = self.fail_max == Some(None) && !self.looks_at_failures();
        let found = [("slow_call_rate", slow_call_rate), ("fail_max", fail_max)];
        found.into_iter().filter_map(|(key, wrong)| wrong.then_some(key)).collect()
    }

    pub(crate) fn has_jitter(&self) -> bool {
        self.backoff.is_some_and(|it| it.jitter > 0.0)
    }
}

/// What the keys come to.
impl Keys {
    /// How long a run may be. A rule over failures in `code` takes its place.
    pub(crate) fn fail_max(&self, code: &Self) -> Option<u32> {
        self.fail_max.unwrap_or((!code.looks_at_failures()).then_some(5))
    }

    pub(crate) fn fail_window(&self) -> Option<Duration> {
        self.fail_window.unwrap_or(Some(ms(60_000)))
    }

    pub(crate) fn recovery_timeout(&self) -> Duration {
        self.recovery_timeout.unwrap_or(ms(30_000))
    }

    pub(crate) fn half_open_max_calls(&self) -> u32 {
        self.half_open_max_calls.unwrap_or(1)
    }

    pub(crate) fn success_threshold(&self) -> u32 {
        self.success_threshold.unwrap_or(1)
    }

    pub(crate) fn probe_timeout(&self) -> Duration {
        let unset = self.recovery_timeout().max(2 * self.timeout.unwrap_or_default());
        self.probe_timeout.unwrap_or(if unset.is_zero() { ms(1000) } else { unset })
    }

    /// Whether calls note when they begin.
    pub(crate) fn are_timed(&self) -> bool {
        self.slow_call_duration.is_some() || matches!(self.on_cancel, Some(OnCancel::After(_)))
    }

    pub(crate) fn window(&self) -> Window {
        self.window.unwrap_or(Window::Calls(100))
    }

    /// Whether anything looks at the window.
    pub(crate) fn looks_at_window(&self) -> bool {
        self.looks_at_failures() || self.slow_call_duration.is_some()
    }

    fn looks_at_failures(&self) -> bool {
        self.failure_rate.is_some() || self.window_fail_max.is_some()
    }

    /// `n`, or as many calls as the window holds.
    fn held(&self, n: u32) -> u64 {
        match self.window() {
            Window::Calls(calls) => n.min(calls).into(),
            _ => n.into(),
        }
    }

    pub(crate) fn min_calls(&self) -> u64 {
        self.held(self.min_calls.unwrap_or(10))
    }

    pub(crate) fn window_fail_max(&self) -> Option<u64> {
        self.window_fail_max.map(|fails| self.held(fails))
    }

    /// How many probes a recovery is judged by.
    pub(crate) fn probes(&self) -> u32 {
        match self.probe_failure_rate {
            Some(_) => self.probe_count.unwrap_or(self.half_open_max_calls()),
            None => self.probe_count.unwrap_or(0).max(self.success_threshold()),
        }
    }

    /// What an open time can become, but for jitter.
    pub(crate) fn longest(&self) -> Duration {
        self.backoff.map_or(ms(600_000), |it| it.max).max(self.recovery_timeout())
    }

    /// The open time after `failed` failed recoveries, without jitter.
    pub(crate) fn open_time(&self, failed: u32) -> Duration {
        let factor = self.backoff.map_or(1.0, |it| it.factor);
        self.recovery_timeout().mul_f64(factor.powi(failed as i32)).min(self.longest())
    }
}
