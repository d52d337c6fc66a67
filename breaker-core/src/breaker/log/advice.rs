//! Logs problems that only a person can fix.

use super::{BY_HANDLE, CALLS, label};
use crate::breaker::handle::CircuitBreaker;
use crate::clock;
use crate::machine::output::Widened;
use tracing::{debug, warn};

/// A trial has one more slot. A probe of this function ended without a result, or failed, while
/// others were rejected.
pub(crate) fn widened(breaker: &CircuitBreaker, function: Option<&'static str>, widened: Widened) {
    let (name, who) = (label(breaker), function.unwrap_or(BY_HANDLE));
    macro_rules! at {
        ($level:ident, $event_type:literal, $text:literal) => {
            $level!(target: CALLS, event_type = $event_type, breaker_name = name, function, $text)
        };
        ($level:ident) => {
            match widened {
                Widened::This => at!(
                    $level,
                    "circuit_probe_without_result",
                    "circuit breaker `{name}`: a probe by {who} ended without a result while other calls were rejected, so the trial has one more slot; if calls wait for each other (`try_join!`), set `half_open_max_calls` to their number"
                ),
                Widened::Next => at!(
                    $level,
                    "circuit_probe_kept_others_out",
                    "circuit breaker `{name}`: a probe by {who} failed while a few other calls were rejected, so the next trial has one more slot; if the probe waits for such a call, for instance in a task, set `half_open_max_calls`"
                ),
            }
        };
    }
    if is_above_debug(breaker) { at!(warn) } else { at!(debug) }
}

/// A function returned a response with a failure status, and its attribute does not classify
/// responses.
pub(crate) fn failed_response(function: &'static str, status: u16) {
    warn!(
        target: CALLS, event_type = "circuit_response_not_judged",
        function,
        status,
        "{function} returned a response with status {status}, which counted as a success; write `#[circuit_breaker(classify)]` to classify it by its status"
    );
}

/// The same where a preset classifies, which the attribute does not know as one by its path.
pub(crate) fn failed_response_of_preset(function: &'static str, status: u16) {
    warn!(
        target: CALLS, event_type = "circuit_response_not_judged",
        function,
        status,
        "{function} returned a response with status {status}, counted as a success, since its preset is about errors; with the preset by its \
         path, `classify = presets::..`, the status decides"
    );
}

/// A function returned a response, or a value that holds one, whose status this library cannot see.
/// `features` are those with which it sees the status.
pub(crate) fn unseen_status(function: &'static str, of: &'static str, features: Option<&'static str>) {
    let fix = match features {
        Some(features) => format!(
            "turn on breaker-core's feature of its version ({features}) and write `#[circuit_breaker(classify)]`, or write \
             `failure_if(|response| ..)`"
        ),
        None => "write `failure_if(|value| ..)`, which says what is a failure".to_owned(),
    };
    warn!(
        target: CALLS, event_type = "circuit_response_not_seen",
        function,
        "{function} returns `{of}`; the status of that response cannot be seen, so each counts as a success; {fix}"
    );
}

/// A function has succeeded inside a call of another one, while failures of such calls are hidden.
/// Few pairs are kept.
pub(crate) fn keep_inner_success(breaker: &CircuitBreaker, outer: Option<&'static str>, inner: Option<&'static str>) {
    const MOST: usize = 16;
    let Some(inner) = inner else { return };
    let kept = &mut breaker.logged().lock().inner_successes;
    kept.retain(|pair| *pair != (outer, inner));
    kept.truncate(MOST - 1);
    kept.push((outer, inner));
}

/// Failures of calls of one function were hidden by successes of another one inside them.
pub(crate) fn masked_failures(breaker: &CircuitBreaker, outer: Option<&'static str>) {
    let inside = |(other, inner): &(Option<&str>, &'static str)| (*other == outer).then_some(*inner);
    let inner = breaker.logged().lock().inner_successes.iter().rev().find_map(inside);
    let (name, calls) = (label(breaker), outer.map_or_else(|| "by a handle".to_owned(), |outer| format!("of {outer}")));
    let after = inner.unwrap_or("another call");
    let fix = match (inner, outer) {
        (Some(inner), _) => format!("put `skip` on {inner} if it does not call the service"),
        (None, Some(_)) => "put `skip` on functions that do not call the service".to_owned(),
        (None, None) => "make calls that do not reach the service without the breaker".to_owned(),
    };
    macro_rules! at {
        ($level:ident) => {
            $level!(
                target: CALLS, event_type = "circuit_failures_hidden",
                breaker_name = name,
                function = outer,
                inner_function = inner,
                "circuit breaker `{name}` stays closed: `fail_max` consecutive calls {calls} failed, but in each one a success of {after} ended the streak of failures; {fix}, or set `failure_rate`"
            )
        };
    }
    if is_above_debug(breaker) { at!(warn) } else { at!(debug) }
}

/// Successes of one function on trial were hidden by the drops of another one inside its calls.
pub(crate) fn hidden(breaker: &CircuitBreaker, outer: Option<&'static str>, inner: Option<&'static str>) {
    let name = label(breaker);
    let (outer, inner) = (outer.unwrap_or(BY_HANDLE), inner.unwrap_or("another call"));
    macro_rules! at {
        ($level:ident) => {
            $level!(
                target: CALLS, event_type = "circuit_successes_hidden",
                breaker_name = name,
                function = outer,
                inner_function = inner,
                "circuit breaker `{name}` does not close: enough probes by {outer} succeeded, but none counts, since each dropped a call of {inner} inside it; put `skip` on {inner}, or guard the call that completes first too"
            )
        };
    }
    if is_above_debug(breaker) { at!(warn) } else { at!(debug) }
}

/// Whether a notice is logged above DEBUG. For keyed breakers the rate is limited.
fn is_above_debug(breaker: &CircuitBreaker) -> bool {
    breaker.0.keyed_breaker().is_none() || breaker.logged().lock().notices.take(clock::now()).is_some()
}
