//! Calls that are slow and still under way count for the slow rule.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CallError, CircuitBreaker, CircuitBreakerError, Config, Permit, Registry, State, circuit_breaker, testing,
};
use common::{breaker, ms, secs, succeed};
use metrics::set_default_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::future::pending;
use std::pin::Pin;
use testing::isolated;
use tokio::time::{advance, sleep};

/// Half of at least four calls that take longer than 1.6 s open it.
fn slow() -> Config {
    Config::new().slow_call_duration(ms(1600)).slow_call_rate(0.5).min_calls(4).window_calls(8)
}

fn begin(breaker: &CircuitBreaker, calls: usize) -> Vec<Permit> {
    (0..calls).map(|_| breaker.try_acquire().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_that_hang_open_it_though_none_ends() {
    let breaker = breaker(slow());
    let held = begin(&breaker, 4);
    advance(ms(1600)).await;
    let more = begin(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed, "they are not slow yet");
    advance(ms(200)).await;
    let error = breaker.try_acquire().unwrap_err();
    assert_eq!((error.state(), breaker.state()), (State::Open, State::Open));
    let because = breaker.snapshot().opened_because.unwrap();
    assert_eq!(because, "100 % of 4 calls took longer than 1s 600ms (limit 50 %)");
    // They are of the past.
    held.into_iter().chain(more).for_each(Permit::success);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn those_that_have_ended_count_beside_them() {
    let breaker = breaker(slow());
    succeed(&breaker, 3);
    let held = begin(&breaker, 2);
    advance(secs(2)).await;
    drop(begin(&breaker, 1));
    assert_eq!(breaker.state(), State::Closed, "two of five");
    let third = begin(&breaker, 1);
    advance(secs(2)).await;
    breaker.try_acquire().unwrap_err();
    let because = breaker.snapshot().opened_because.unwrap();
    assert_eq!(because, "50 % of 6 calls took longer than 1s 600ms (limit 50 %)");
    drop((held, third));
}

#[tokio::test(start_paused = true)]
async fn each_call_is_judged_once() {
    let breaker = breaker(slow().min_calls(3));
    let mut held = begin(&breaker, 1);
    advance(secs(2)).await;
    succeed(&breaker, 1);
    held.pop().unwrap().success();
    let window = breaker.snapshot().window.unwrap();
    assert_eq!((window.calls, window.slow), (2, 1), "at its end, where it was seen before");
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed, "one of three, and not two of four");
    held = begin(&breaker, 1);
    advance(secs(2)).await;
    assert!(breaker.try_acquire().is_err(), "two of four");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_time_is_forgotten() {
    let breaker = breaker(slow());
    for _ in 0..50 {
        let held = begin(&breaker, 8);
        advance(ms(1500)).await;
        held.into_iter().for_each(Permit::success);
    }
    let held = begin(&breaker, 8);
    drop(held);
    advance(secs(3)).await;
    succeed(&breaker, 8);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_ends_is_forgotten_after_four_such_times() {
    let breaker = breaker(slow().min_calls(6));
    begin(&breaker, 4).into_iter().for_each(std::mem::forget);
    advance(ms(1600 * 4)).await;
    succeed(&breaker, 8);
    begin(&breaker, 2).into_iter().for_each(Permit::success);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_of_an_earlier_generation_do_not_count() {
    let breaker = breaker(slow());
    let held = begin(&breaker, 4);
    breaker.reset();
    advance(secs(2)).await;
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    let old = begin(&breaker, 4);
    breaker.reset();
    let now = begin(&breaker, 4);
    // Their ends take none of the present ones away, which began at the same time.
    held.into_iter().chain(old).for_each(Permit::success);
    advance(secs(2)).await;
    assert!(breaker.try_acquire().is_err());
    drop(now);
}

#[tokio::test(start_paused = true)]
async fn they_say_nothing_of_failures() {
    let breaker = breaker(slow().slow_call_rate(1.0).failure_rate(0.5));
    common::fail(&breaker, 3);
    let held = begin(&breaker, 1);
    advance(secs(2)).await;
    drop(begin(&breaker, 1));
    assert_eq!(breaker.state(), State::Closed, "three failures are no four calls");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_one_of_its_breaker_goes_in_with_that() {
    let breaker = breaker(slow().min_calls(2));
    let held = begin(&breaker, 2);
    let outer = breaker.call(async {
        advance(secs(2)).await;
        breaker.call(async { Ok::<_, ()>(()) }).await.map_err(|_| ())
    });
    outer.await.unwrap();
    assert_eq!(breaker.state(), State::Closed, "nobody asked");
    assert!(breaker.try_acquire().is_err());
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_call_around_others_of_its_breaker_has_no_time_of_its_own() {
    let breaker = breaker(slow().min_calls(2));
    let outer = async {
        for _ in 0..20 {
            breaker
                .call(async {
                    sleep(ms(500)).await;
                    Ok::<_, ()>(())
                })
                .await
                .unwrap();
        }
        Ok::<_, CallError<()>>(())
    };
    let retries = breaker.call(outer);
    let beside = async {
        for _ in 0..20 {
            sleep(ms(510)).await;
            breaker.try_acquire().unwrap().success();
        }
    };
    let (result, ()) = tokio::join!(retries, beside);
    result.unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().window.unwrap().slow), (State::Closed, 0));
    // The inner one has.
    let hangs = breaker.call(async { breaker.call(pending::<Result<(), ()>>()).await.map_err(|_| ()) });
    let others = async {
        sleep(secs(2)).await;
        begin(&breaker, 1)
    };
    let found = tokio::select! {
        _ = hangs => None,
        held = others => Some(held),
    };
    assert_eq!((found.unwrap().len(), breaker.state()), (1, State::Closed), "one of nine");
}

#[circuit_breaker(name = "under_way", slow_call_duration = "1s", slow_call_rate = 0.5, min_calls = 2)]
async fn ask(hang: bool) -> Result<(), CircuitBreakerError> {
    if hang { ask_inside().await } else { Ok(()) }
}

#[circuit_breaker(name = "under_way")]
async fn ask_inside() -> Result<(), CircuitBreakerError> {
    pending().await
}

#[circuit_breaker(name = "under_way_hosts", key = host, slow_call_duration = "1s", slow_call_rate = 0.5, min_calls = 2)]
async fn ask_host(host: &str) -> Result<(), CircuitBreakerError> {
    if host == "hangs" { pending().await } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn functions_and_values_of_a_key_have_it_too() {
    isolated(async {
        let all = async { tokio::join!(ask(true), ask(true), ask_host("hangs"), ask_host("hangs")) };
        let beside = async {
            sleep(ms(1100)).await;
            ask_host("well").await.unwrap();
            let (host, plain) = (ask_host("hangs").await, ask(false).await);
            (host.unwrap_err().state(), plain.unwrap_err().state())
        };
        let states = tokio::select! {
            _ = all => None,
            states = beside => Some(states),
        };
        assert_eq!(states, Some((State::Open, State::Open)));
        let snapshot = testing::breaker("under_way").snapshot();
        // Each question once, though it is a call within a call.
        assert_eq!(snapshot.opened_because.unwrap(), "100 % of 2 calls took longer than 1s (limit 50 %)");
        assert_eq!(testing::breaker("under_way_hosts[well]").state(), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn metrics_and_listeners_change_nothing_about_it() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _installed = set_default_local_recorder(&recorder);
    let registry = Registry::new();
    registry.export_metrics();
    let breaker = registry.breaker("metered", slow()).unwrap();
    for _ in 0..50 {
        let held = begin(&breaker, 8);
        advance(ms(1500)).await;
        held.into_iter().for_each(Permit::success);
    }
    advance(secs(2)).await;
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    let held = begin(&breaker, 8);
    advance(secs(2)).await;
    assert!(breaker.try_acquire().is_err());
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn it_is_told_in_shadow_and_no_matter_while_disabled() {
    let breaker = breaker(slow());
    breaker.shadow();
    let held = begin(&breaker, 4);
    advance(secs(2)).await;
    breaker.try_acquire().unwrap().success();
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.shadow_rejected_count), (State::Shadow, 1));
    drop(held);
    breaker.disable();
    let held = begin(&breaker, 4);
    advance(secs(2)).await;
    breaker.try_acquire().unwrap().success();
    breaker.clear_override();
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn another_slow_call_begins_anew() {
    let breaker = breaker(slow());
    let held = begin(&breaker, 4);
    breaker.reconfigure(Config::new().slow_call_duration(secs(1))).unwrap();
    advance(secs(2)).await;
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed);
    // At their end they are as old as they are.
    breaker.reset();
    drop(held);
    let held = begin(&breaker, 4);
    advance(secs(2)).await;
    assert!(breaker.try_acquire().is_err());
    drop(held);
    breaker.reset();
    breaker.reconfigure(Config::new().slow_call_rate(1.0).min_calls(2)).unwrap();
    let held = begin(&breaker, 1);
    advance(secs(2)).await;
    succeed(&breaker, 1);
    assert_eq!(breaker.state(), State::Closed, "one of at least two");
    drop(held);
}

/// One for each depth, with a call of another breaker around the inner call too.
#[tokio::test(start_paused = true)]
async fn an_inner_call_is_in_flight_in_place_of_the_outer_one_at_any_depth() {
    type Calls = Pin<Box<dyn Future<Output = Result<(), ()>>>>;
    let within = |breaker: &CircuitBreaker, calls: Calls| -> Calls {
        let breaker = breaker.clone();
        Box::pin(async move { breaker.call(calls).await.map_err(drop) })
    };
    for depth in 0..7 {
        let (slow, other) = (breaker(slow().slow_call_rate(0.6).min_calls(2)), breaker(Config::new()));
        succeed(&slow, 1);
        let body: Calls = Box::pin(async {
            sleep(secs(3)).await;
            Ok(())
        });
        let nested = within(&slow, within(&other, within(&slow, body)));
        let nested = (0..depth).fold(nested, |nested, _| within(&other, nested));
        let check = async {
            sleep(secs(2)).await;
            slow.try_acquire().map(Permit::success)
        };
        let (ended, admitted) = tokio::join!(nested, check);
        assert_eq!(ended, Ok(()));
        assert!(admitted.is_ok(), "one of two is slow, inside {depth} calls: {admitted:?}");
    }
}
