//! Lists all keys in one table. `key_table` makes [`Config`] and [`Settings`] from it.

use crate::config::error::ConfigError;
#[cfg(feature = "serde")]
use crate::config::json::{Json, Shape};
use crate::config::key_table::keys;
use crate::config::ranges::{
    above_zero, all, as_is, each_above_zero, each_one_or_more, one_or_more, share, some, valid_backoff, valid_on_cancel,
};
use crate::config::types::{Backoff, Limits, OnCancel, OnPanic, PerFunction, Window};
use crate::config::value::Value;
use std::time::Duration;

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

    /// Health is degraded while this breaker is open or half-open.
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
