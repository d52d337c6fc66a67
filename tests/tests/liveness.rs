//! However a trial was disturbed: when the service answers again, the breaker closes again. Each
//! value of a `key` has policies of its own.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{Backoff, CircuitBreaker, Config, Outcome, Registry, State, circuit_breaker, testing};
use common::{breaker, ms, open, secs};
use fastrand::Rng;
use std::io;
use std::time::Duration;
use tokio::time::advance;

/// Some of the keys that say how a recovery is judged.
fn trial(random: &mut Rng) -> Config {
    let mut config = Config::new().half_open_max_calls(random.u32(1..5)).recovery_timeout(ms(random.u64(0..50)));
    let needed = random.u32(1..5);
    config = config.success_threshold(needed).probe_timeout(ms(random.u64(1..100)));
    if random.bool() {
        config = config.probe_count(needed + random.u32(0..4));
    }
    if random.bool() {
        config = config.probe_failure_rate(random.f64().max(0.01)).slow_call_duration(ms(20));
    }
    if random.bool() {
        config = config.ramp(ms(random.u64(1..80)));
    }
    if random.bool() {
        config = config.backoff(Backoff::new().max(ms(200)));
    }
    config
}

/// One call that ends in any way, or never.
async fn disturb(breaker: &CircuitBreaker, random: &mut Rng) {
    let Ok(permit) = breaker.try_acquire() else { return };
    match random.u32(0..7) {
        0 => {
            Box::leak(Box::new(permit));
        }
        1 => drop(permit),
        2 => permit.ignore(),
        3 => permit.failure(),
        4 => permit.record(Outcome::failure_with_retry_after(ms(random.u64(0..300)))),
        5 => {
            advance(ms(30)).await;
            permit.success();
        }
        _ => permit.success(),
    }
}

/// Only good calls, one after the other; gives how long it took until it was closed for good.
async fn recover(breaker: &CircuitBreaker) -> Duration {
    let begin = tokio::time::Instant::now();
    for _ in 0..1000 {
        if breaker.state() == State::Closed && breaker.snapshot().ramp_share.is_none() {
            return begin.elapsed();
        }
        breaker.ready().await;
        let permit = breaker.try_acquire().expect("it said that it is ready");
        permit.success();
        advance(ms(1)).await;
    }
    panic!("{breaker:?} does not close: {}", breaker.settings());
}

#[tokio::test(start_paused = true)]
async fn no_trial_sticks_however_its_probes_end_and_its_settings_change() {
    let mut random = Rng::with_seed(common::seed(31));
    for round in 0..3000 {
        let breaker = breaker(trial(&mut random).fail_max(2));
        open(&breaker);
        for _ in 0..random.u32(1..30) {
            match random.u32(0..12) {
                // One that contradicts what was set before is refused.
                0 => drop(breaker.reconfigure(trial(&mut random))),
                1 => breaker.half_open(),
                2 => breaker.trip_for(ms(random.u64(0..100))),
                3 | 4 => advance(ms(random.u64(0..120))).await,
                _ => disturb(&breaker, &mut random).await,
            }
        }
        let took = recover(&breaker).await;
        assert!(took < secs(3), "round {round} took {took:?}: {}", breaker.settings());
    }
}

const POLICIES: Config = Config::new()
    .fail_max(u32::MAX)
    .failure_rate(0.5)
    .window_calls(10)
    .min_calls(4)
    .recovery_timeout(secs(10))
    .backoff(Backoff::new().jitter(0.0))
    .probe_count(2)
    .ramp(secs(20));

#[circuit_breaker(name = "hosts", key = host, config = POLICIES)]
async fn ask(host: &str, up: bool) -> io::Result<()> {
    if up { Ok(()) } else { Err(io::Error::other("down")) }
}

async fn down(host: &str, calls: u32) {
    for _ in 0..calls {
        ask(host, false).await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn each_value_of_a_key_has_a_window_a_backoff_a_trial_and_a_ramp_of_its_own() {
    testing::isolated(async {
        let registry = Registry::global();
        down("a", 3).await;
        for up in [true, false, true, true, true] {
            let _ = ask("b", up).await;
        }
        let [a, b] = ["hosts[a]", "hosts[b]"].map(|name| registry.get(name).unwrap());
        let in_window = |breaker: &CircuitBreaker| breaker.snapshot().window.unwrap().calls;
        assert_eq!((in_window(&a), in_window(&b)), (3, 5));

        registry.get("hosts").unwrap().reconfigure(Config::new().failure_rate(0.6)).unwrap();
        assert_eq!((in_window(&a), in_window(&b)), (3, 5), "the head passes settings on, and no window is lost");

        down("a", 1).await;
        assert_eq!((a.state(), b.state()), (State::Open, State::Closed));
        assert_eq!(a.snapshot().opened_because.unwrap(), "failure rate 100 % of 4 calls (limit 60 %), last: down");
        advance(secs(10)).await;
        down("a", 1).await;
        assert_eq!(a.state(), State::HalfOpen, "one probe of two may fail");
        down("a", 1).await;
        assert_eq!((a.state(), a.snapshot().retry_after), (State::Open, Some(secs(20))));
        advance(secs(20)).await;
        ask("a", true).await.unwrap();
        advance(secs(5)).await;
        assert_eq!((a.snapshot().ramp_share, b.snapshot().ramp_share), (Some(0.25), None));
        assert_eq!(b.state(), State::Closed);
    })
    .await;
}

/// What was set by hand stands above it.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_the_environment_switches_off_and_on_again_begins_closed_and_loses_no_count() {
    let registry = Registry::new();
    let off = [("API_CIRCUIT_ENABLED", "false")];
    registry.load_env_from([("", ""); 0]).unwrap();
    let breaker = registry.breaker("api", Config::new().fail_max(1).failure_rate(0.5)).unwrap();
    let states = |breaker: &CircuitBreaker| {
        registry.load_env_from(off).unwrap();
        let while_off = breaker.state();
        assert_eq!(breaker.snapshot().enabled, while_off != State::Disabled);
        registry.load_env_from([("", ""); 0]).unwrap();
        (while_off, breaker.state())
    };
    assert_eq!(states(&breaker), (State::Disabled, State::Closed));
    open(&breaker);
    assert_eq!(states(&breaker), (State::Disabled, State::Closed), "it begins anew");
    breaker.force_open();
    assert_eq!(states(&breaker), (State::ForcedOpen, State::ForcedOpen), "what was set by hand stands");
    breaker.shadow();
    assert_eq!(states(&breaker), (State::Shadow, State::Shadow));
    breaker.clear_override();
    assert_eq!((breaker.state(), breaker.snapshot().failure_count), (State::Closed, 1), "and no count is lost");
}
