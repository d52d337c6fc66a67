//! What a breaker says of why it opened: in its snapshot, in the event, in the error and in the
//! log, one and the same.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::event::StateChange;
use breaker_core::{CircuitBreakerError, Config, Listener, Registry, State, circuit_breaker, testing};
use common::{breaker, fail, ms, open, secs, succeed};
use std::io;
use std::sync::{Arc, Mutex};
use tokio::time::advance;

const NO_RUN: Config = Config::new().fail_max(u32::MAX);

/// Of a breaker in which a call that takes longer than a second is slow.
async fn slow(breaker: &breaker_core::CircuitBreaker) {
    let permit = breaker.try_acquire().unwrap();
    advance(ms(1001)).await;
    permit.success();
}

fn because(breaker: &breaker_core::CircuitBreaker) -> String {
    breaker.snapshot().opened_because.unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_of_anything_is_told_in_the_singular() {
    let rule = NO_RUN.window_calls(10).min_calls(1);
    for (config, text) in [
        (Config::new().fail_max(1), "1 failure, last: &str"),
        (rule.window_fail_max(1), "1 failure of 1 call, last: &str"),
        (rule.failure_rate(1.0), "failure rate 100 % of 1 call (limit 100 %), last: &str"),
    ] {
        let breaker = breaker(config);
        fail(&breaker, 1);
        assert_eq!(because(&breaker), text);
    }
    let drowning = breaker(rule.slow_call_duration(secs(1)));
    slow(&drowning).await;
    assert_eq!(because(&drowning), "100 % of 1 call took longer than 1s (limit 50 %)");
}

#[test]
fn a_window_of_one_call_is_shown_in_the_singular_and_read_so() {
    let breaker = breaker(Config::new().window_calls(1));
    assert!(breaker.settings().to_string().contains(", window 1 call, "), "{}", breaker.settings());
    let registry = Registry::new();
    registry.load_env_from([("API_CIRCUIT_WINDOW", "1 call")]).unwrap();
    let read = registry.breaker("api", Config::new()).unwrap();
    assert_eq!(read.settings().window, breaker.settings().window);
}

#[tokio::test(start_paused = true)]
async fn one_probe_is_told_in_the_singular() {
    let spare = Config::new().probe_count(2);
    let rate = Config::new().probe_failure_rate(1.0);
    for (config, probes, text) in [
        (spare, 2, "2 of 2 probes failed, and closing takes 1 success, last: &str"),
        (rate, 1, "failure rate 100 % of 1 probe (limit 100 %), last: &str"),
    ] {
        let breaker = breaker(config.fail_max(1));
        open(&breaker);
        advance(secs(30)).await;
        fail(&breaker, probes);
        assert_eq!(because(&breaker), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_that_is_small_is_not_told_as_none() {
    let breaker = breaker(NO_RUN.failure_rate(0.0004).window_calls(5000).min_calls(5000));
    succeed(&breaker, 4998);
    fail(&breaker, 2);
    assert_eq!(because(&breaker), "failure rate 0.04 % of 5000 calls (limit 0.04 %), last: &str");
}

const RATE: Config = NO_RUN.failure_rate(0.5).window_calls(10).min_calls(4);

#[circuit_breaker(name = "reasons", config = RATE)]
async fn route(answer: Result<(), &'static str>) -> io::Result<()> {
    answer.map_err(io::Error::other)
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_the_last_one_also_when_a_success_opens_it() {
    testing::isolated(async {
        for answer in [Err("no route"), Err("reset by peer"), Ok(()), Ok(())] {
            let _ = route(answer).await;
        }
        let breaker = Registry::global().get("reasons").unwrap();
        let text = "failure rate 50 % of 4 calls (limit 50 %), last: reset by peer";
        assert_eq!((breaker.state(), because(&breaker).as_str()), (State::Open, text));
        assert_eq!(breaker.snapshot().last_error.unwrap().message.as_deref(), Some("reset by peer"));
    })
    .await;
}

const TRIAL: Config = RATE.probe_failure_rate(0.5).probe_count(4);

#[circuit_breaker(name = "trials", config = TRIAL)]
async fn tried(answer: Result<(), &'static str>) -> io::Result<()> {
    answer.map_err(io::Error::other)
}

#[tokio::test(start_paused = true)]
async fn the_last_error_of_a_trial_is_one_of_its_own() {
    testing::isolated(async {
        for _ in 0..4 {
            tried(Err("down")).await.unwrap_err();
        }
        advance(secs(30)).await;
        for answer in [Err("starting"), Err("still starting"), Ok(()), Ok(())] {
            let _ = tried(answer).await;
        }
        let breaker = Registry::global().get("trials").unwrap();
        assert_eq!(because(&breaker), "failure rate 50 % of 4 probes (limit 50 %), last: still starting");
    })
    .await;
}

/// Keeps the reasons of openings.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<Vec<String>>>);

impl Listener for Reasons {
    fn on_state_change(&self, event: &StateChange<'_>) {
        self.0.lock().unwrap().extend(event.opened_because.filter(|_| event.new == State::Open).map(str::to_owned));
    }
}

#[tokio::test(start_paused = true)]
async fn snapshot_event_and_error_tell_the_same_of_each_rule() {
    let window = NO_RUN.window(secs(60)).min_calls(2);
    let trial = Config::new().fail_max(1);
    let rules = [
        (Config::new().fail_max(3), "3 consecutive failures in 0 ms, last: &str"),
        (window.failure_rate(0.8), "failure rate 100 % of 2 calls (limit 80 %), last: &str"),
        (window.window_fail_max(3), "3 failures of 3 calls, last: &str"),
        (trial, "a probe failed, last: &str"),
        (trial.success_threshold(2), "a probe failed after 0 of 2 successes, last: &str"),
        (trial.success_threshold(2).probe_count(3), "2 of 2 probes failed, and closing takes 2 successes, last: &str"),
        (trial.probe_count(2).probe_failure_rate(0.75), "failure rate 100 % of 2 probes (limit 75 %), last: &str"),
    ];
    for (config, text) in rules {
        let breaker = breaker(config);
        let reasons = Reasons::default();
        breaker.add_listener(reasons.clone());
        for _ in 0..9 {
            if breaker.snapshot().opened_because.as_deref() == Some(text) && breaker.state() == State::Open {
                break;
            }
            if breaker.state() == State::Open {
                advance(secs(30)).await;
            }
            fail(&breaker, 1);
        }
        let error: CircuitBreakerError = breaker.try_acquire().unwrap_err();
        assert_eq!(error.opened_because().as_deref(), Some(text));
        assert_eq!(because(&breaker), text);
        assert_eq!(reasons.0.lock().unwrap().last().map(String::as_str), Some(text));
    }
}
