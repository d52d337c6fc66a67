//! Logs the reports of a breaker.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | a line for each event |
//! | `advice` | problems that only a person can fix |
//! | `logged`, `rate` | which lines a breaker has logged; the rate of repeated lines |
//!
//! Messages about settings are made where they are found, and logged by [`notice`]. An outage logs
//! a handful of lines at INFO and above, for one breaker and for all keys together.
//!
//! May use: `handle`, `report`, `throttle` and `error_text` of `breaker`, and what is below
//! `breaker`. To add a line, write it here with its `event_type`, and test it in
//! `tests/tests/logs.rs`.

pub(crate) mod advice;
pub(crate) mod logged;
pub(crate) mod rate;

use crate::breaker::error_text::Text;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::log::logged::Logged;
use crate::breaker::report::{
    BeforeCall, Busy, Cancelled, Failure, FallbackFailed, FallbackServed, FallbackTimedOut, Ignored, PassedOn,
    ProbeFailed, Rejected, Report, Retrying, StateChange, StoreFailure, Success, for_each_event,
};
use crate::clock;
use crate::clock::millis;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::visible::visible;
use crate::sync::Mutex;
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level, debug, enabled, error, info, warn};

/// The target of lines about calls and states.
const CALLS: &str = "breaker_core::log";

/// The target of lines about settings. A filter can distinguish them from those of calls
/// (`breaker_core::log`).
const CONFIGURATION: &str = "breaker_core::configuration";

/// After this many consecutive dropped calls, one warning is logged (rule 9).
const DROPS: u32 = 20;

/// This many first failures of a streak are logged at ERROR, the next ones at DEBUG until a minute
/// passes without one. If successes and failures alternate, each failure is the first of a streak.
const STREAKS: u64 = 3;

impl CircuitBreaker {
    /// What was logged for it. Keyed breakers share that of their parent.
    pub(crate) fn logged(&self) -> &Mutex<Logged> {
        match self.0.keyed_breaker() {
            Some(lazy) => lazy.parent().logged(),
            None => self.0.logged.get_or_init(Box::default),
        }
    }
}

macro_rules! lines {
    ({ $($sent:tt)* } { $($local:tt)* }) => {
        lines! { @rows $($sent)* $($local)* }
    };
    (@rows $($(#[$doc:meta])* $method:ident $name:ident as $variant:ident for $kind:ident { $($fields:tt)* })*) => {
        /// Logs what a breaker reports: state changes at WARN, the first of consecutive failures at
        /// ERROR, everything else at DEBUG.
        pub(crate) fn log(report: Report<'_>) {
            match report {
                $(Report::$name(event) => $method(event),)*
            }
        }
    };
}

for_each_event!(lines);

fn on_call(event: &BeforeCall<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_call_attempt",
        breaker_name = label(event.breaker),
        function = event.function,
        current_state = event.breaker.state().as_str(),
        "call requests admission"
    );
}

fn on_success(event: &Success<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_success",
        breaker_name = label(event.breaker),
        function = event.function,
        success_count = event.breaker.successes(),
        "call succeeded"
    );
}

fn on_failure(event: &Failure<'_>) {
    macro_rules! at {
        ($level:ident, $text:literal) => {
            $level!(
                target: CALLS, event_type = "circuit_failure",
                breaker_name = label(event.breaker),
                function = event.function,
                current_state = event.breaker.state().as_str(),
                fail_count = event.consecutive_failures,
                exception_type = event.error_type,
                exception_message = message(event).as_deref(),
                $text
            )
        };
    }
    let nth = (event.consecutive_failures == 1).then(|| event.breaker.logged().lock().streaks.count(clock::now()));
    match nth {
        Some(1..STREAKS) => at!(error, "call failed, the first of a streak"),
        Some(STREAKS) => {
            at!(
                error,
                "call failed, the first of a streak; more are logged at DEBUG until a minute passes without one"
            );
        }
        _ => at!(debug, "call failed"),
    }
}

fn on_ignored(event: &Ignored<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_ignored",
        breaker_name = label(event.breaker),
        function = event.function,
        "call ended with a result that does not count"
    );
}

fn on_cancelled(event: &Cancelled<'_>) {
    let function = event.function;
    let dropped = event.consecutive == DROPS;
    if dropped && event.breaker.logged().lock().drops.count(clock::now()) == 1 {
        warn!(
            target: CALLS, event_type = "circuit_cancelled",
            breaker_name = label(event.breaker),
            function,
            "{DROPS} consecutive calls were dropped before they had a result, so the breaker cannot detect an outage; set `timeout` below the caller's own time limit, or set `on_cancel`"
        );
    } else {
        debug!(target: CALLS, event_type = "circuit_cancelled", breaker_name = label(event.breaker), function, "call was dropped");
    }
}

fn on_passed_on(event: &PassedOn<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_passed_on",
        breaker_name = label(event.breaker),
        function = event.function,
        "call is counted with one inside or around it"
    );
}

fn on_rejected(event: &Rejected<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_rejected",
        breaker_name = label(event.breaker),
        function = event.function,
        current_state = event.state.as_str(),
        retry_after_ms = event.retry_after.map(millis),
        shadow = event.shadow,
        "call rejected"
    );
}

fn on_busy(event: &Busy<'_>) {
    macro_rules! at {
        ($level:ident, $text:literal) => {
            $level!(
                target: CALLS, event_type = "circuit_busy",
                breaker_name = label(event.breaker),
                function = event.function,
                max_concurrent = event.max_concurrent,
                $text
            )
        };
    }
    if event.consecutive == 1 {
        at!(
            warn,
            "call rejected, since `max_concurrent` calls are in flight; more are logged at DEBUG until a minute passes without one"
        );
    } else {
        at!(debug, "call rejected, since `max_concurrent` calls are in flight");
    }
}

fn on_fallback(event: &FallbackServed<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_fallback",
        breaker_name = label(event.breaker),
        function = event.function,
        fallback_source = event.source,
        fallback_reason = event.reason,
        fallback_age_ms = event.age.map(millis),
        "fallback served"
    );
}

fn on_fallback_timed_out(event: &FallbackTimedOut<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_fallback_timed_out",
        breaker_name = label(event.breaker),
        function = event.function,
        fallback_source = event.source,
        fallback_reason = event.reason,
        limit_ms = millis(event.after),
        "fallback step timed out"
    );
}

fn on_fallback_failed(event: &FallbackFailed<'_>) {
    let text = event.source.map_or("every fallback step declined", |_| "fallback step returned an error");
    debug!(
        target: CALLS, event_type = "circuit_fallback_failed",
        breaker_name = label(event.breaker),
        function = event.function,
        fallback_source = event.source,
        fallback_reason = event.reason,
        "{text}"
    );
}

fn on_retry(event: &Retrying<'_>) {
    debug!(
        target: CALLS, event_type = "circuit_retry",
        breaker_name = label(event.breaker),
        function = event.function,
        attempt = event.attempt,
        wait_ms = millis(event.wait),
        "another attempt follows"
    );
}

fn on_store_failure(event: &StoreFailure<'_>) {
    let text = Text::of(&event.error);
    macro_rules! at {
        ($level:ident, $text:literal) => {
            $level!(
                target: CALLS, event_type = "circuit_store_failure",
                breaker_name = label(event.breaker),
                function = event.function,
                fallback_source = event.source,
                exception_message = &*visible(text.as_str()),
                $text
            )
        };
    }
    if event.consecutive == 1 {
        at!(
            warn,
            "the store of a fallback failed; more failures are logged at DEBUG until a minute passes without one"
        );
    } else {
        at!(debug, "the store of a fallback failed");
    }
}

fn on_state_change(event: &StateChange<'_>) {
    let event_type = if event.reset { "circuit_breaker_reset" } else { "circuit_state_change" };
    let label = label(event.breaker);
    macro_rules! at {
        ($level:ident, $more:literal) => {
            $level!(
                target: CALLS, event_type,
                breaker_name = label,
                old_state = event.old.as_str(),
                new_state = event.new.as_str(),
                fail_count = event.consecutive_failures,
                success_count = event.breaker.successes(),
                generation = event.generation,
                sequence = event.sequence,
                opened_because = event.opened_because,
                shadow = event.shadow,
                concat!("circuit breaker `{}`: {} -> {}", $more),
                label,
                event.old,
                event.new
            )
        };
    }
    let is_keyed = event.breaker.0.keyed_breaker().is_some();
    match is_keyed.then(|| event.breaker.logged().lock().changes.take(clock::now())) {
        None | Some(Some(false)) => at!(warn, ""),
        Some(Some(true)) => at!(warn, "; changes of further keys are logged at DEBUG, except for four lines a minute"),
        Some(None) => at!(debug, ""),
    }
}

/// The failure itself is logged.
fn on_probe_failed(_: &ProbeFailed<'_>) {}

/// The breaker's label, with line breaks and similar characters escaped.
fn label(breaker: &CircuitBreaker) -> String {
    visible(&breaker.label()).into_owned()
}

/// The text of the error, if it has one. If its `Display` panics, the line is logged without the
/// text.
fn message(event: &Failure<'_>) -> Option<String> {
    event.error.map(|error| visible(Text::of(&error).as_str()).into_owned())
}

/// A warning if there is a subscriber that drops WARN lines of the library. It runs the
/// subscriber's code.
pub(crate) fn filtered_out() -> Option<ConfigError> {
    if tracing::dispatcher::get_default(Dispatch::is::<NoSubscriber>) {
        return None;
    }
    let (calls, settings) = (enabled!(target: CALLS, Level::WARN), enabled!(target: CONFIGURATION, Level::WARN));
    let targets = match (calls, settings) {
        (true, true) => return None,
        (false, true) => format!("target `{CALLS}`"),
        (true, false) => format!("target `{CONFIGURATION}`"),
        (false, false) => format!("targets `{CALLS}` and `{CONFIGURATION}`"),
    };
    let message = format!(
        "the filter of the subscriber drops WARN lines of the {targets}, so no log line reports when a circuit breaker \
         opens, or what is wrong with its settings; add `breaker_core=info` to the filter"
    );
    Some(ConfigError::new(ConfigErrorKind::Logs, "tracing", message))
}

/// One line when a breaker is created.
pub(crate) fn created(breaker: &CircuitBreaker) {
    let (name, settings) = (label(breaker), breaker.settings().to_string());
    info!(target: CONFIGURATION, event_type = "circuit_breaker_made", breaker_name = name, settings, "circuit breaker `{name}` created");
}

/// In place of a function's name.
const BY_HANDLE: &str = "a call by a handle";

/// Something about the configuration that a person should know.
pub(crate) fn notice(text: &str) {
    warn!(target: CONFIGURATION, event_type = "circuit_configuration", "{}", visible(text));
}
