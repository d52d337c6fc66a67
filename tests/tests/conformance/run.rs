//! The run of a case: its steps, as calls of the public API.

use crate::Ended;
use crate::expect::{Ears, Seen, known_shapes, known_states, known_transitions};
use crate::guarded::{Body, guarded};
use crate::plan::{Counts, Plan};
use crate::values::{known, millis, names, unsupported};
use breaker_core::{CallError, CircuitBreaker, Outcome, Permit, Registry, State};
use futures_util::FutureExt;
use serde_json::Value;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::advance;

/// The body's own error.
#[derive(Debug)]
pub(crate) struct Original;

pub(crate) struct Run<'p> {
    plan: &'p Plan,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) ears: Ears,
    permits: HashMap<String, Permit>,
    /// Calls go through the function with a fallback.
    falls_back: bool,
}

/// How a call ended, as the caller sees it.
pub(crate) type Answer = Result<(), CallError<Original>>;

const KEYS: &[&str] = &[
    "do",
    "config",
    "n",
    "took_ms",
    "id",
    "ids",
    "outcome",
    "ms",
    "for_ms",
    "error",
    "is_a",
    "reason",
    "expect_state",
    "expect_state_any",
    "expect_error",
    "expect_counts",
    "expect_metrics",
    "expect_events",
    "expect_event_counts",
    "expect_remaining_open_ms",
    "expect_cause",
    "expect_result",
    // The function's own arguments and the error are what every step gets.
    "expect_fallback_args",
    "fallback",
];

pub(crate) async fn case(plan: &Plan, case: &Value) -> Result<(), Ended> {
    Run::of(plan)?.steps(case).await
}

impl<'p> Run<'p> {
    fn of(plan: &'p Plan) -> Result<Self, Ended> {
        let registry = Registry::global();
        registry.set_config("conformance", plan.config).map_err(|error| unsupported(&format!("config: {error}")))?;
        let breaker = registry.get("conformance").ok_or_else(|| unsupported("a breaker"))?;
        let ears = Ears::default();
        breaker.add_listener(ears.clone());
        match plan.initial_state.as_deref() {
            None | Some("closed") => {}
            Some("open") => breaker.trip(),
            Some("half_open") => breaker.half_open(),
            Some("forced_open") => breaker.force_open(),
            Some("disabled") => breaker.disable(),
            Some("metrics_only") => breaker.shadow(),
            Some(other) => return Err(unsupported(&format!("initial_state={other}"))),
        }
        Ok(Self { plan, breaker, ears, permits: HashMap::new(), falls_back: plan.falls_back })
    }

    async fn steps(mut self, case: &Value) -> Result<(), Ended> {
        known(case, "case", &["id", "kind", "source", "tags", "config", "steps", "expect_transitions", "note"])?;
        let steps = case["steps"].as_array().ok_or_else(|| unsupported("a case without steps"))?;
        if case.get("kind").is_some_and(|kind| kind != "state_machine") {
            return Err(unsupported(&format!("kind={}", case["kind"])));
        }
        known_transitions(case)?;
        // What is missing is reported before what fails because of it.
        for step in steps {
            if step["do"] == "note" {
                return Err(unsupported("step.note"));
            }
            known(step, "step", KEYS)?;
            known_states(step)?;
            known_shapes(step)?;
        }
        for (index, step) in steps.iter().enumerate() {
            let n = step["n"].as_u64().unwrap_or(1);
            for nth in 1..=n {
                let at = |why: String| {
                    Ended::Failed(format!(
                        "step {index} `{}` ({nth} of {n}): {why}",
                        step["do"].as_str().unwrap_or("?")
                    ))
                };
                let seen = self.step(step).await.map_err(|ended| match ended {
                    Ended::Failed(why) => at(why),
                    ended => ended,
                })?;
                seen.check(&self, step, self.plan, nth == n).map_err(at)?;
            }
        }
        self.ears.check_transitions(&case["expect_transitions"]).map_err(Ended::Failed)
    }

    async fn step(&mut self, step: &Value) -> Result<Seen, Ended> {
        let took = step.get("took_ms").map(millis).transpose()?.unwrap_or_default();
        let what = step["do"].as_str().unwrap_or_default();
        let failure = Outcome::failure();
        let answer = match what {
            "ok" => Some(self.call(took, Ok(()), Outcome::success()).await?),
            "fail" => Some(self.call(took, Err(Original), failure).await?),
            "bad_result" => Some(self.call(took, Ok(()), failure).await?),
            "excluded" => Some(self.call(took, Err(Original), self.excluded()).await?),
            "error" => Some(self.call(took, Err(Original), self.classified(&names(&step["is_a"]))).await?),
            "slow" => Some(self.call(took.max(self.slow()), Ok(()), Outcome::success()).await?),
            "panic" => {
                self.panic(took).await?;
                None
            }
            "call_rejected" => Some(self.rejected().await?),
            _ => match self.manual(what, step).await {
                // A call that is to be rejected when it begins.
                Err(Ended::Failed(_)) if what == "begin" && step.get("expect_error").is_some() => {
                    Some(self.rejected().await?)
                }
                done => {
                    done?;
                    None
                }
            },
        };
        Ok(Seen(answer))
    }

    /// What is no guarded call.
    async fn manual(&mut self, what: &str, step: &Value) -> Result<(), Ended> {
        let id = || step["id"].as_str().unwrap_or_default().to_owned();
        match what {
            "check" => {}
            "advance_ms" => advance(millis(&step["ms"])?).await,
            "begin" => self.acquire(id())?,
            "acquire" if step["ids"].is_array() => {
                names(&step["ids"]).into_iter().try_for_each(|id| self.acquire(id))?;
            }
            "acquire" => self.acquire(id())?,
            "finish" => {
                let took = step.get("took_ms").map(millis).transpose()?.unwrap_or_default();
                let slow = step["outcome"] == "slow";
                pass(if slow { took.max(self.slow()) } else { took }).await;
                let outcome = match step["outcome"].as_str() {
                    Some("ok" | "slow") => Outcome::success(),
                    // A permit cannot panic; a panic counts as a failure.
                    Some("fail" | "bad_result" | "panic") => Outcome::failure(),
                    Some("error") => self.classified(&names(&step["is_a"])),
                    Some("excluded") => self.excluded(),
                    other => return Err(unsupported(&format!("finish.outcome={other:?}"))),
                };
                self.permit(&id())?.record(outcome);
            }
            "cancel" => drop(self.permit(&id())?),
            "release" => {
                let ids = if step["ids"].is_array() { names(&step["ids"]) } else { vec![id()] };
                ids.iter().try_for_each(|id| self.permit(id).map(Permit::ignore))?;
            }
            "force_open" => {
                let span = step.get("for_ms").map(millis).transpose()?;
                self.by_hand(|breaker| span.map_or_else(|| breaker.trip(), |span| breaker.trip_for(span)));
            }
            "force_half_open" => self.by_hand(CircuitBreaker::half_open),
            "pin_open" => self.breaker.force_open(),
            "disable" => self.breaker.disable(),
            "metrics_only" => self.breaker.shadow(),
            "enable" => self.breaker.clear_override(),
            "force_close" => {
                self.breaker.clear_override();
                if self.breaker.state() != State::Closed {
                    self.breaker.reset();
                }
            }
            "reset" => self.breaker.reset(),
            "set_fallback" => self.falls_back = true,
            "reconfigure" => {
                let changed = self.breaker.reconfigure(Plan::change(&step["config"])?);
                changed.map_err(|error| Ended::Failed(error.to_string()))?;
            }
            other => return Err(unsupported(&format!("step.{other}"))),
        }
        Ok(())
    }

    /// Here a manual state is left first, which elsewhere is one step.
    fn by_hand(&self, change: impl FnOnce(&CircuitBreaker)) {
        if !matches!(self.breaker.state(), State::ForcedOpen | State::Disabled | State::Shadow) {
            return change(&self.breaker);
        }
        self.breaker.clear_override();
        change(&self.breaker);
        self.ears.join_last_two();
    }

    /// How long a slow call takes.
    fn slow(&self) -> Duration {
        self.plan.slow.unwrap_or_default() + Duration::from_millis(1)
    }

    /// The body lasts so long. With a time limit the clock goes on by itself, so that the limit can
    /// come first.
    async fn work(&self, took: Duration) {
        match self.breaker.settings().timeout {
            Some(_) => tokio::time::sleep(took).await,
            None => pass(took).await,
        }
    }

    /// One guarded call, whose body must run.
    async fn call(&self, took: Duration, result: Result<(), Original>, outcome: Outcome) -> Result<Answer, Ended> {
        if self.falls_back {
            let body = Body::new(took, result.is_ok(), outcome);
            let answer = guarded(body.clone()).await;
            return if body.ran() { Ok(answer) } else { Err(Ended::Failed("the body did not run".to_owned())) };
        }
        let mut ran = false;
        let body = async {
            ran = true;
            self.work(took).await;
            result
        };
        let answer = self.breaker.call_classified(body, |_| outcome).await;
        if ran { Ok(answer) } else { Err(Ended::Failed(format!("the body did not run: {answer:?}"))) }
    }

    async fn panic(&self, took: Duration) -> Result<(), Ended> {
        let body = async {
            pass(took).await;
            // Without the hook's message, which a report has no use for.
            std::panic::resume_unwind(Box::new("the body panics"))
        };
        let call = self.breaker.call_classified(body, |_: &Result<(), Original>| Outcome::success());
        match AssertUnwindSafe(call).catch_unwind().await {
            Err(_) => Ok(()),
            Ok(answer) => Err(Ended::Failed(format!("the body did not run: {answer:?}"))),
        }
    }

    /// One call whose body must not run.
    async fn rejected(&self) -> Result<Answer, Ended> {
        if self.falls_back {
            let body = Body::new(Duration::ZERO, true, Outcome::ignored());
            let answer = guarded(body.clone()).await;
            return if body.ran() { Err(Ended::Failed("was let in".to_owned())) } else { Ok(answer) };
        }
        match self.breaker.try_acquire() {
            Err(error) => Ok(Err(CallError::Rejected(error))),
            Ok(permit) => {
                permit.ignore();
                Err(Ended::Failed("was let in".to_owned()))
            }
        }
    }

    fn acquire(&mut self, id: String) -> Result<(), Ended> {
        let permit = self.breaker.try_acquire().map_err(|error| Ended::Failed(format!("`{id}`: {error}")))?;
        self.permits.insert(id, permit);
        Ok(())
    }

    fn permit(&mut self, id: &str) -> Result<Permit, Ended> {
        self.permits.remove(id).ok_or_else(|| Ended::Failed(format!("nothing is under way as `{id}`")))
    }

    fn excluded(&self) -> Outcome {
        if self.plan.excluded_is_success { Outcome::success() } else { Outcome::ignored() }
    }

    fn classified(&self, is_a: &[String]) -> Outcome {
        match self.plan.counts(is_a) {
            Counts::Success => Outcome::success(),
            Counts::Excluded => self.excluded(),
            Counts::Failure => Outcome::failure(),
        }
    }
}

pub(crate) async fn pass(took: Duration) {
    if !took.is_zero() {
        advance(took).await;
    }
}
