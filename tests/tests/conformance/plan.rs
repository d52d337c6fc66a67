//! The plan of a case: its config as settings of this project, or the knob that is missing.

use crate::Ended;
use crate::values::{count, known, millis, names, one_of, pair, share, unsupported};
use breaker_core::{Backoff, Config};
use serde_json::{Map, Value};
use std::time::Duration;

/// What a case's config comes to.
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) excluded_is_success: bool,
    fail_on: Option<Vec<String>>,
    skip_on: Vec<String>,
    exclude: Vec<String>,
    pub(crate) initial_state: Option<String>,
    pub(crate) slow: Option<Duration>,
    pub(crate) min_calls: u64,
    pub(crate) falls_back: bool,
    /// What this project does otherwise on purpose. It matters only to a case in which the
    /// difference shows.
    pub(crate) lacks: Vec<String>,
}

/// What an error counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    Success,
    Excluded,
    Failure,
}

const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl Plan {
    pub(crate) fn of(case: &Value) -> Result<Self, Ended> {
        let mut config = case["config"].as_object().cloned().ok_or_else(|| unsupported("a case without a config"))?;
        apply_override(&mut config)?;
        let said = &case["config"];
        one_of(said, "config", "excluded_as", &["ignored", "success"])?;
        one_of(said, "config", "tripping_call_error", &["original", "breaker_open"])?;
        let mut plan = Self {
            config: Config::new().fail_max(u32::MAX).fail_window_off(),
            excluded_is_success: config.get("excluded_as").and_then(Value::as_str) == Some("success"),
            fail_on: config.get("fail_on").map(names),
            skip_on: config.get("skip_on").map(names).unwrap_or_default(),
            exclude: config.get("exclude").map(names).unwrap_or_default(),
            initial_state: config.get("initial_state").and_then(Value::as_str).map(str::to_owned),
            slow: None,
            min_calls: 0,
            falls_back: config.contains_key("fallback"),
            lacks: Vec::new(),
        };
        for (knob, value) in &config {
            plan.knob(knob, value)?;
        }
        // The longest stay in half-open matters only to a case in which time goes by.
        if config.get("half_open").is_some_and(|half_open| half_open["max_wait_ms"].is_number())
            && case["steps"].as_array().is_some_and(|steps| steps.iter().any(waits))
        {
            plan.lacks.push("half_open.max_wait_ms".to_owned());
        }
        if ["trip", "trip_also"].into_iter().filter_map(|key| config.get(key)).any(|trip| ages(trip, case)) {
            plan.lacks.push("trip.buckets".to_owned());
        }
        if plan.lacks.iter().any(|knob| knob == FIXED) && asks(case, "expect_counts") {
            return Err(unsupported(FIXED));
        }
        Ok(plan)
    }

    /// The keys of a `reconfigure` step.
    pub(crate) fn change(config: &Value) -> Result<Config, Ended> {
        let mut plan = Self::of(&serde_json::json!({"config": {}, "steps": []}))?;
        plan.config = Config::new();
        for (knob, value) in config.as_object().into_iter().flatten() {
            plan.knob(knob, value)?;
        }
        Ok(plan.config)
    }

    fn knob(&mut self, knob: &str, value: &Value) -> Result<(), Ended> {
        match knob {
            "trip" | "trip_also" => self.trip(value)?,
            "slow" if value.is_object() => self.slow(value)?,
            "slow" | "open_backoff" if value.is_null() => {}
            "open_ms" => self.config = self.config.recovery_timeout(millis(value)?),
            "open_backoff" => self.backoff(value)?,
            "timeout_ms" => self.config = self.config.timeout(millis(value)?),
            "half_open" => self.half_open(value)?,
            "tripping_call_error" if value == "breaker_open" => {
                self.lacks.push("tripping_call_error=breaker_open".to_owned());
            }
            "auto_half_open" if !value.is_boolean() => return Err(unsupported(&format!("auto_half_open={value}"))),
            // Said by the function itself, or always so here.
            "excluded_as"
            | "fail_on"
            | "skip_on"
            | "exclude"
            | "initial_state"
            | "config_source"
            | "override"
            | "tripping_call_error"
            | "auto_half_open"
            | "fallback" => {}
            other => return Err(unsupported(other)),
        }
        Ok(())
    }

    fn trip(&mut self, trip: &Value) -> Result<(), Ended> {
        let kind = trip["kind"].as_str().unwrap_or_default();
        known(
            trip,
            "trip",
            &[
                "kind",
                "failures",
                "of",
                "size",
                "min_calls",
                "failure_rate",
                "cmp",
                "evaluate_on",
                "style",
                "window_ms",
                "buckets",
                "bucket_origin",
                "denominator",
            ],
        )?;
        one_of(trip, "trip", "evaluate_on", &["any", "failure"])?;
        one_of(trip, "trip", "style", &["rolling", "fixed"])?;
        one_of(trip, "trip", "bucket_origin", &["first_call", "window_start"])?;
        let config = self.config;
        self.config = match kind {
            "consecutive" => config.fail_max(count(&trip["failures"])?),
            "k_of_n" if trip["failures"] == trip["of"] => config.fail_max(count(&trip["of"])?),
            "k_of_n" => config.window_fail_max(count(&trip["failures"])?).window_calls(count(&trip["of"])?),
            "count_window" => config.window_calls(count(&trip["size"])?),
            "time_window" => config.window(millis(&trip["window_ms"])?),
            other => return Err(unsupported(&format!("trip.kind={other}"))),
        };
        if matches!(kind, "count_window" | "time_window") {
            self.window(trip)?;
        }
        Ok(())
    }

    fn window(&mut self, trip: &Value) -> Result<(), Ended> {
        if let Some(failures) = trip.get("failures") {
            self.config = self.config.window_fail_max(count(failures)?);
        }
        if let Some(rate) = trip.get("failure_rate") {
            self.config = self.config.failure_rate(share(rate, &trip["cmp"])?);
        }
        if let Some(least) = trip.get("min_calls").and_then(Value::as_u64) {
            // A window cannot hold more than its size, and zero calls have no rate.
            let most = trip["size"].as_u64().unwrap_or(u64::MAX);
            self.min_calls = least.clamp(1, most.max(1));
            self.config = self.config.min_calls(self.min_calls as u32);
        }
        if trip["evaluate_on"] == "failure" {
            self.lacks.push("trip.evaluate_on=failure".to_owned());
        }
        if trip["style"] == "fixed" {
            self.lacks.push(FIXED.to_owned());
        }
        if trip.get("denominator").is_some() {
            self.lacks.push("trip.denominator".to_owned());
        }
        Ok(())
    }

    fn slow(&mut self, slow: &Value) -> Result<(), Ended> {
        known(slow, "slow", &["duration_ms", "cmp", "rate", "rate_cmp"])?;
        one_of(slow, "slow", "cmp", &[">", ">="])?;
        let limit = millis(&slow["duration_ms"])?;
        self.slow = Some(limit);
        let limit = if slow["cmp"] == ">=" { limit.saturating_sub(Duration::from_nanos(1)) } else { limit };
        self.config = self.config.slow_call_duration(limit);
        if let Some(rate) = slow.get("rate") {
            self.config = self.config.slow_call_rate(share(rate, &slow["rate_cmp"])?);
        }
        Ok(())
    }

    fn half_open(&mut self, half_open: &Value) -> Result<(), Ended> {
        known(
            half_open,
            "half_open",
            &[
                "max_calls",
                "close_after_successes",
                "on_failure",
                "evaluate",
                "failure_rate",
                "cmp",
                "close_s_of_n",
                "reopen_k_of_n",
                "max_wait_ms",
                "after_max_wait",
                "probe_lease_ms",
            ],
        )?;
        one_of(half_open, "half_open", "after_max_wait", &["open", "closed"])?;
        let at_once = if half_open["max_calls"].is_null() { u32::MAX } else { count(&half_open["max_calls"])? };
        let mut config = self.config.half_open_max_calls(at_once);
        if let Some(successes) = half_open.get("close_after_successes") {
            config = config.success_threshold(count(successes)?);
        }
        if let Some(share) = half_open.get("close_s_of_n") {
            let (successes, probes) = pair(share)?;
            config = config.success_threshold(successes).probe_count(probes);
        }
        if let Some(share) = half_open.get("reopen_k_of_n") {
            let (failures, probes) = pair(share)?;
            config = config.success_threshold(probes + 1 - failures).probe_count(probes);
        }
        match half_open.get("evaluate").and_then(Value::as_str) {
            Some("rate_after_max_calls") if at_once == u32::MAX => {
                return Err(unsupported("half_open.evaluate=rate_after_max_calls without max_calls"));
            }
            Some("rate_after_max_calls") => {
                let rate = share(&half_open["failure_rate"], &half_open["cmp"])?;
                config = config.probe_failure_rate(rate).probe_count(at_once);
            }
            Some(other) => return Err(unsupported(&format!("half_open.evaluate={other}"))),
            None => {}
        }
        match half_open.get("on_failure").and_then(Value::as_str) {
            Some("reopen") | None => {}
            Some(other) => return Err(unsupported(&format!("half_open.on_failure={other}"))),
        }
        // Where a case says nothing of a lease, its source has none.
        let lease = half_open.get("probe_lease_ms").map(millis).transpose()?;
        self.config = config.probe_timeout(lease.unwrap_or(FOR_EVER));
        Ok(())
    }

    fn backoff(&mut self, backoff: &Value) -> Result<(), Ended> {
        known(backoff, "open_backoff", &["kind", "factor", "multiplier", "max_ms", "initial_ms", "jitter"])?;
        one_of(backoff, "open_backoff", "kind", &["exponential"])?;
        let mut own = Backoff::new().jitter(0.0).max(FOR_EVER);
        if let Some(factor) = backoff.get("factor").or(backoff.get("multiplier")) {
            own = own.factor(factor.as_f64().ok_or_else(|| unsupported("open_backoff.factor"))?);
        }
        if let Some(max) = backoff.get("max_ms") {
            own = own.max(millis(max)?);
        }
        if let Some(first) = backoff.get("initial_ms") {
            self.config = self.config.recovery_timeout(millis(first)?);
        }
        if backoff["jitter"].as_f64().is_some_and(|jitter| jitter > 0.0) {
            return Err(unsupported("open_backoff.jitter"));
        }
        // Here a close goes back step by step, elsewhere at once.
        self.lacks.push("open_backoff (reset by a close)".to_owned());
        self.config = self.config.backoff(own);
        Ok(())
    }

    /// What an error counts as that satisfies these matchers.
    pub(crate) fn counts(&self, is_a: &[String]) -> Counts {
        let any = |list: &[String]| is_a.iter().any(|name| list.contains(name));
        match &self.fail_on {
            _ if any(&self.skip_on) => Counts::Success,
            _ if any(&self.exclude) => Counts::Excluded,
            Some(fail_on) if !any(fail_on) => Counts::Success,
            _ => Counts::Failure,
        }
    }
}

const FIXED: &str = "trip.style=fixed";

/// Values from outside of the code, as `Registry::set_config` and the environment bring them.
fn apply_override(config: &mut Map<String, Value>) -> Result<(), Ended> {
    let Some(Value::Object(values)) = config.get("override").cloned() else { return Ok(()) };
    for (key, value) in values {
        match key.split_once('.') {
            Some((table, key)) if config.get(table).is_some_and(Value::is_object) => config[table][key] = value,
            None if matches!(key.as_str(), "open_ms") => drop(config.insert(key, value)),
            _ => return Err(unsupported(&format!("override.{key}"))),
        }
    }
    Ok(())
}

fn waits(step: &Value) -> bool {
    step.get("ms").or(step.get("took_ms")).is_some()
}

fn asks(case: &Value, what: &str) -> bool {
    case["steps"].as_array().is_some_and(|steps| steps.iter().any(|step| step.get(what).is_some()))
}

/// Whether so much time passes that calls may leave a window in its own parts, and not in ours.
fn ages(trip: &Value, case: &Value) -> bool {
    let (Some(window), Some(buckets)) = (trip["window_ms"].as_f64(), trip["buckets"].as_f64()) else { return false };
    let passes = |step: &Value| {
        let time = step["ms"].as_f64().unwrap_or(0.0) + step["took_ms"].as_f64().unwrap_or(0.0);
        time * step["n"].as_f64().unwrap_or(1.0)
    };
    let all: f64 = case["steps"].as_array().into_iter().flatten().map(passes).sum();
    all >= window - window / buckets.max(1.0)
}
