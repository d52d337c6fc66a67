//! The expectations of a step. State and error are the same notion everywhere; of counts, metrics
//! and events those are compared that mean the same here.

use crate::Ended;
use crate::plan::Plan;
use crate::run::{Answer, Run};
use crate::values::{one_of, unsupported};
use breaker_core::event::{BeforeCall, Failure, FallbackServed, Rejected, StateChange, Success};
use breaker_core::{CallError, Listener, State};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// What a step showed to its caller; `None`: it was no call.
pub(crate) struct Seen(pub(crate) Option<Answer>);

impl Seen {
    /// The state is asserted after every repetition, what is counted after the last one.
    pub(crate) fn check(&self, run: &Run<'_>, step: &Value, plan: &Plan, last: bool) -> Result<(), String> {
        let state = run.breaker.state();
        if let Some(expected) = step.get("expect_state") {
            same("state", state_of(expected), Some(state))?;
        }
        if let Some(any) = step["expect_state_any"].as_array()
            && !any.iter().any(|one| state_of(one) == Some(state))
        {
            return Err(format!("expected a state of {any:?}, found {state}"));
        }
        if !last {
            return Ok(());
        }
        if let Some(expected) = step.get("expect_error") {
            same("error", expected.as_str().unwrap_or("none"), self.error())?;
        }
        if let Some(expected) = step["expect_remaining_open_ms"].as_u64() {
            let left = run.breaker.snapshot().retry_after.unwrap_or_default();
            same("remaining open time", u128::from(expected), left.as_millis())?;
        }
        if step["expect_result"] == "fallback" {
            same("events", Some(&"fallback"), run.ears.events.lock().unwrap().last())?;
        }
        if step.get("expect_cause").is_some()
            && let Some(Err(CallError::Rejected(error))) = &self.0
            && error.opened_because().is_none()
        {
            return Err("the rejection does not say why the breaker opened".to_owned());
        }
        counts(run, &step["expect_counts"], state)?;
        metrics(run, &step["expect_metrics"], plan, state)?;
        run.ears.check(step)
    }

    fn error(&self) -> &'static str {
        match &self.0 {
            Some(Err(CallError::Inner(_))) => "original",
            Some(Err(CallError::Rejected(error))) if error.is_timeout() => "timeout",
            Some(Err(CallError::Rejected(error))) if error.state() == State::HalfOpen => "too_many_probes",
            Some(Err(CallError::Rejected(_))) => "breaker_open",
            Some(Ok(())) | None => "none",
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "most are numbers")]
fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, found: T) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("expected {what} {expected:?}, found {found:?}")) }
}

/// A state that this project does not have is reported as that, not as a wrong one.
pub(crate) fn known_states(step: &Value) -> Result<(), Ended> {
    let any = step["expect_state_any"].as_array().into_iter().flatten();
    known_as_states(step.get("expect_state").into_iter().chain(any))
}

/// The same for the changes of a whole case.
pub(crate) fn known_transitions(case: &Value) -> Result<(), Ended> {
    match &case["expect_transitions"] {
        Value::Null => Ok(()),
        Value::Array(pairs) => known_as_states(pairs.iter().flat_map(|pair| [&pair[0], &pair[1]])),
        other => Err(unsupported(&format!("expect_transitions={other}"))),
    }
}

fn known_as_states<'a>(mut names: impl Iterator<Item = &'a Value>) -> Result<(), Ended> {
    let strange = names.find(|name| state_of(name).is_none());
    strange.map_or(Ok(()), |name| Err(unsupported(&format!("state={name}"))))
}

type Fits = fn(&Value) -> bool;

/// An expectation of another form would be compared with nothing.
pub(crate) fn known_shapes(step: &Value) -> Result<(), Ended> {
    one_of(step, "step", "expect_error", &["original", "breaker_open", "too_many_probes", "timeout"])?;
    let shapes: [(&str, Fits); 7] = [
        ("n", Value::is_u64),
        ("expect_state_any", Value::is_array),
        ("expect_counts", Value::is_object),
        ("expect_metrics", Value::is_object),
        ("expect_events", Value::is_array),
        ("expect_event_counts", Value::is_object),
        ("expect_remaining_open_ms", Value::is_u64),
    ];
    let strange = shapes.into_iter().find(|(key, fits)| step.get(key).is_some_and(|value| !fits(value)));
    strange.map_or(Ok(()), |(key, _)| Err(unsupported(&format!("step.{key}={}", step[key]))))
}

fn state_of(name: &Value) -> Option<State> {
    Some(match name.as_str()? {
        "closed" => State::Closed,
        "open" => State::Open,
        "half_open" => State::HalfOpen,
        "forced_open" => State::ForcedOpen,
        "disabled" => State::Disabled,
        "metrics_only" => State::Shadow,
        _ => return None,
    })
}

/// gobreaker counts per generation, opossum per window. The total is the same until one of them
/// begins again, and in their cases with other keys neither does. Consecutive failures are counted
/// alike everywhere; gobreaker forgets them when it opens.
fn counts(run: &Run<'_>, expected: &Value, state: State) -> Result<(), String> {
    let snapshot = run.breaker.snapshot();
    let per_generation = expected.get("requests").is_some();
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = match key.as_str() {
            "consecutive_failures" if !per_generation || state == State::Closed => {
                u64::from(snapshot.consecutive_failures)
            }
            "failures" if !per_generation => snapshot.failure_count,
            "rejects" => snapshot.rejected_count,
            "fallbacks" => run.ears.heard("fallback") as u64,
            "attempts" => {
                let answered = snapshot.success_count + snapshot.failure_count + snapshot.ignored_count;
                answered + snapshot.rejected_count + snapshot.cancelled_count
            }
            _ => continue,
        };
        same(key, value.as_u64(), Some(found))?;
    }
    Ok(())
}

/// `success`, `failure` and `opened` are totals. The others are resilience4j's of the present
/// state: those of closed are our window.
fn metrics(run: &Run<'_>, expected: &Value, plan: &Plan, state: State) -> Result<(), String> {
    let snapshot = run.breaker.snapshot();
    let window = snapshot.window.filter(|_| matches!(state, State::Closed | State::Shadow));
    let percent =
        |part: u64, whole: u64| if whole < plan.min_calls.max(1) { -1.0 } else { part as f64 * 100.0 / whole as f64 };
    for (key, value) in expected.as_object().into_iter().flatten() {
        let found = match (key.as_str(), &window) {
            ("success", _) => snapshot.success_count as f64,
            ("failure", _) => snapshot.failure_count as f64,
            ("opened", _) => run.ears.openings() as f64,
            ("rejected", _) if expected.get("success").is_some() => snapshot.rejected_count as f64,
            ("calls", Some(window)) => window.calls as f64,
            ("failures", Some(window)) => window.failures as f64,
            ("successes", Some(window)) => (window.calls - window.failures) as f64,
            ("slow_calls", Some(window)) => window.slow as f64,
            ("failure_rate_pct", Some(window)) => percent(window.failures, window.calls),
            ("slow_rate_pct", Some(window)) => percent(window.slow, window.calls),
            _ => continue,
        };
        same(key, value.as_f64(), Some(found))?;
    }
    Ok(())
}

/// What listeners hear.
#[derive(Clone, Default)]
pub(crate) struct Ears {
    events: Arc<Mutex<Vec<&'static str>>>,
    changes: Arc<Mutex<Vec<(State, State, bool)>>>,
}

impl Ears {
    fn hear(&self, event: &'static str) {
        self.events.lock().unwrap().push(event);
    }

    fn heard(&self, event: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|one| **one == event).count()
    }

    /// How often it went from closed to open; in shadow: would have.
    fn openings(&self) -> usize {
        self.changes.lock().unwrap().iter().filter(|(old, new, _)| (*old, *new) == (State::Closed, State::Open)).count()
    }

    /// Two changes that are one elsewhere.
    pub(crate) fn join_last_two(&self) {
        let mut changes = self.changes.lock().unwrap();
        if let Some([first, second]) = changes.last_chunk().copied() {
            let joined = changes.len() - 2;
            changes.truncate(joined);
            changes.push((first.0, second.1, second.2));
        }
    }

    fn check(&self, step: &Value) -> Result<(), String> {
        if let Some(expected) = step["expect_events"].as_array() {
            let expected: Vec<_> = expected.iter().filter_map(Value::as_str).collect();
            same("events", expected, self.events.lock().unwrap().clone())?;
        }
        for (key, value) in step["expect_event_counts"].as_object().into_iter().flatten() {
            let found = match key.as_str() {
                "failure_rate_exceeded" => self.openings(),
                "state_transition" => self.changes.lock().unwrap().iter().filter(|(_, _, shadow)| !shadow).count(),
                other => return Err(format!("cannot count the event `{other}`")),
            };
            same(key, value.as_u64(), Some(found as u64))?;
        }
        Ok(())
    }

    pub(crate) fn check_transitions(&self, expected: &Value) -> Result<(), String> {
        let Some(expected) = expected.as_array() else { return Ok(()) };
        let expected: Vec<_> = expected.iter().map(|pair| (state_of(&pair[0]), state_of(&pair[1]))).collect();
        let found: Vec<_> = self.changes.lock().unwrap().iter().map(|(old, new, _)| (Some(*old), Some(*new))).collect();
        same("transitions", expected, found)
    }
}

impl Listener for Ears {
    fn on_call(&self, _: &BeforeCall<'_>) {
        self.hear("before_call");
    }

    fn on_success(&self, _: &Success<'_>) {
        self.hear("success");
    }

    fn on_failure(&self, _: &Failure<'_>) {
        self.hear("failure");
    }

    fn on_rejected(&self, _: &Rejected<'_>) {
        self.hear("rejected");
    }

    fn on_fallback(&self, _: &FallbackServed<'_>) {
        self.hear("fallback");
    }

    fn on_state_change(&self, event: &StateChange<'_>) {
        self.changes.lock().unwrap().push((event.old, event.new, event.shadow));
    }
}
