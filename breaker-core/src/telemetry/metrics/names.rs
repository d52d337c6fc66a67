//! Names the metrics, and defines their descriptions, their units and the buckets for durations.

use ::metrics::{KeyName, Recorder, Unit};

/// Gauge: 0 closed, disabled or in shadow; 1 open or forced open; 2 half-open.
pub const STATE: &str = "circuit_breaker_state";
/// Gauge: 1 for a breaker that is `critical`, 0 for others.
pub const CRITICAL: &str = "circuit_breaker_critical";
/// Gauge: how many keyed breakers are open or half-open.
pub const MEMBERS_UNHEALTHY: &str = "circuit_breaker_members_unhealthy";
/// Counter, with the label `outcome`: `success`, `failure`, `ignored`, `cancelled`, `rejected`,
/// `busy`. Together they are all calls. A call within a call of the same breaker and its enclosing
/// call count once.
pub const CALLS_TOTAL: &str = "circuit_breaker_calls_total";
/// Counter: calls with the outcome `failure`.
pub const FAILURES_TOTAL: &str = "circuit_breaker_failures_total";
/// Counter: calls with the outcome `rejected`. Calls that found no free place (`max_concurrent`)
/// have the outcome `busy`, and no metric of their own.
pub const REJECTED_TOTAL: &str = "circuit_breaker_rejected_total";
/// Counter: how often a breaker became open or forced open. An outage counts when it begins, and
/// again with each recovery that fails.
pub const OPENINGS_TOTAL: &str = "circuit_breaker_openings_total";
/// Counter: how often a breaker went from closed to open. An outage that does not recover counts
/// once, however long it lasts. The counts of [`OPENINGS_TOTAL`] beyond it are failed recoveries
/// and manual openings.
pub const OUTAGES_TOTAL: &str = "circuit_breaker_outages_total";
/// Counter, with the label `source`: what fallback steps served. The series of a step begins with
/// its first answer.
pub const FALLBACKS_TOTAL: &str = "circuit_breaker_fallbacks_total";
/// Counter, with the labels `source` and `cause`: what fallback steps failed to serve. `error`: the
/// step returned an `Err`, which the caller got. `declined`, with the source `all`: every step
/// declined, and the caller got the function's own error. `cut_off`: the step exceeded its time
/// limit. Then the next step ran, and may have served. A series begins with its first count.
pub const FALLBACKS_FAILED_TOTAL: &str = "circuit_breaker_fallbacks_failed_total";
/// Histogram: how long calls took that succeeded, failed or were ignored.
pub const CALL_DURATION_SECONDS: &str = "circuit_breaker_call_duration_seconds";

/// The names of all metrics.
pub const NAMES: [&str; 11] = [
    STATE,
    CRITICAL,
    MEMBERS_UNHEALTHY,
    CALLS_TOTAL,
    FAILURES_TOTAL,
    REJECTED_TOTAL,
    OPENINGS_TOTAL,
    OUTAGES_TOTAL,
    FALLBACKS_TOTAL,
    FALLBACKS_FAILED_TOTAL,
    CALL_DURATION_SECONDS,
];

/// Upper ends, in seconds, of the buckets that a recorder should have for
/// [`CALL_DURATION_SECONDS`]. They range from a call in the same machine to a text that is
/// generated. With other buckets, those below a millisecond are as wide as these.
pub const DURATION_BUCKETS: [f64; 18] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    1.0, 5.0, 15.0, 60.0,
];

/// Describes the metrics to a recorder.
pub(super) fn describe(recorder: &dyn Recorder) {
    let gauge = |name: &'static str, text: &'static str| {
        recorder.describe_gauge(KeyName::from_const_str(name), Some(Unit::Count), text.into());
    };
    let counter = |name: &'static str, text: &'static str| {
        recorder.describe_counter(KeyName::from_const_str(name), Some(Unit::Count), text.into());
    };
    gauge(STATE, "State of the circuit breaker: 0 closed, disabled or in shadow, 1 open or forced open, 2 half-open");
    gauge(CRITICAL, "1 for a circuit breaker that is critical for health, else 0");
    gauge(MEMBERS_UNHEALTHY, "Keyed circuit breakers of this circuit breaker that are open or half-open");
    counter(CALLS_TOTAL, "Calls by outcome: success, failure, ignored, cancelled, rejected, busy");
    counter(FAILURES_TOTAL, "Calls that counted as failures");
    counter(REJECTED_TOTAL, "Calls that were not admitted");
    counter(OPENINGS_TOTAL, "How often the circuit breaker opened, by a rule or manually");
    counter(OUTAGES_TOTAL, "How often the circuit breaker went from closed to open: each outage once");
    counter(FALLBACKS_TOTAL, "Answers that fallbacks served, by source");
    counter(
        FALLBACKS_FAILED_TOTAL,
        "Fallback steps that returned an error or timed out, and calls for which all steps declined, by source and cause",
    );
    recorder.describe_histogram(
        KeyName::from_const_str(CALL_DURATION_SECONDS),
        Some(Unit::Seconds),
        "Duration of calls that succeeded, failed or were ignored".into(),
    );
}
