//! Trials: none sticks, whatever its probes are made of.

use crate::common::log::Log;
use crate::common::{breaker, open, secs, succeed};
use crate::{Answer, Fault, counts};
use breaker_core::{CircuitBreaker, Config, OnCancel, Outcome, State, circuit_breaker, guard_stream, testing};
use futures_util::{StreamExt as _, stream};
use std::future::pending;
use tokio::spawn;
use tokio::task::yield_now;
use tokio::time::{advance, sleep};
use tracing::Level;

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

/// A call that waits, and succeeds.
async fn good(b: &CircuitBreaker) -> Answer {
    let body = async {
        yield_now().await;
        Ok(1)
    };
    call(b, body).await
}

async fn half_open(config: Config) -> CircuitBreaker {
    let b = breaker(config.fail_max(1));
    open(&b);
    advance(secs(30)).await;
    b
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_up_again_closes_the_breaker_at_the_first_question_of_several_levels() {
    let b = half_open(Config::new()).await;
    call(&b, call(&b, good(&b))).await.unwrap();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 0, 1, 0, 0]));
}

/// The second of two probes finds no slot, and that ends the first: the next time there is one for both.
#[tokio::test(start_paused = true)]
async fn two_calls_of_a_try_join_outside_of_any_call_recover() {
    let b = half_open(Config::new()).await;
    tokio::try_join!(good(&b), good(&b)).unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 1]));
    tokio::try_join!(good(&b), good(&b)).unwrap();
    assert_eq!(b.state(), State::Closed);
}

/// The drop is not the service's failure, though `on_cancel` makes one of other drops.
#[tokio::test(start_paused = true)]
async fn two_calls_of_a_try_join_recover_where_a_drop_is_a_failure() {
    let config = Config::new().on_cancel(OnCancel::Failure);
    let b = half_open(config).await;
    tokio::try_join!(good(&b), good(&b)).unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 1]));
    tokio::try_join!(good(&b), good(&b)).unwrap();
    assert_eq!(b.state(), State::Closed);

    let b = half_open(config).await;
    drop(b.try_acquire().unwrap());
    assert_eq!(b.state(), State::Open, "no other call was rejected meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_waits_for_a_task_of_its_own_breaker_recovers() {
    let b = half_open(Config::new()).await;
    let ask = || {
        let task = b.clone();
        let spawned = async { spawn(async move { good(&task).await }).await.unwrap() };
        // As an annotated function has it: a rejection proves nothing.
        b.call_with(spawned, |given: &Answer| match given {
            Err(Fault::Breaker(_)) => Outcome::neutral(),
            _ => Outcome::success(),
        })
    };
    ask().await.unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 1, 1, 0, 1]));
    ask().await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_a_result_that_kept_nobody_out_leaves_one_slot() {
    let b = half_open(Config::new()).await;
    for _ in 0..3 {
        drop(b.try_acquire().unwrap());
        b.try_acquire().unwrap().ignore();
    }
    let _probe = b.try_acquire().unwrap();
    b.try_acquire().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_trial_has_sixteen_slots_more_at_most_and_the_next_one_begins_anew() {
    let b = half_open(Config::new()).await;
    let slots = || {
        let mut held = Vec::new();
        while let Ok(permit) = b.try_acquire() {
            held.push(permit);
        }
        held
    };
    for expected in [1, 2, 4, 8, 16, 17, 17] {
        let held = slots();
        assert_eq!(held.len(), expected);
        drop(held);
    }
    b.try_acquire().unwrap().failure();
    assert_eq!(b.state(), State::Open);
    advance(secs(30)).await;
    assert_eq!(slots().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_slot_of_a_probe_that_succeeds_is_none_more() {
    let b = half_open(Config::new().success_threshold(5)).await;
    let probe = b.try_acquire().unwrap();
    b.try_acquire().unwrap_err();
    probe.success();
    let _probe = b.try_acquire().unwrap();
    b.try_acquire().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_line_names_who_held_the_slot() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let b = testing::breaker("parts");
        testing::half_open(&b).await;
        tokio::try_join!(part(), part()).unwrap_err();
        let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("without a result")).collect();
        assert_eq!(lines.len(), 1, "{:#?}", log.lines());
        assert!(["WARN", "`parts`", "trials::part"].iter().all(|text| lines[0].contains(text)), "{}", lines[0]);
        tokio::try_join!(part(), part()).unwrap();
        assert_eq!(b.state(), State::Closed);
    })
    .await;
}

#[circuit_breaker(name = "parts")]
async fn part() -> Result<u8, Fault> {
    yield_now().await;
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_with_its_calls_leaves_a_slot_more_too() {
    let b = half_open(Config::new()).await;
    let nested = || async { call(&b, call(&b, good(&b))).await };
    tokio::try_join!(nested(), nested()).unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 1]));
    tokio::try_join!(nested(), nested()).unwrap();
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_leaked_comes_back_with_its_lease_as_ever() {
    let b = half_open(Config::new().probe_timeout(secs(5))).await;
    let mut leaked = Box::pin(call(&b, call(&b, pending())));
    assert!(futures_util::poll!(&mut leaked).is_pending());
    good(&b).await.unwrap_err();
    advance(secs(5)).await;
    succeed(&b, 1);
    assert_eq!(b.state(), State::Closed);
}

/// The first call inside has the slot, and what it was dropped for is asked of the outer one.
#[tokio::test(start_paused = true)]
async fn probes_that_are_dropped_with_their_calls_while_others_are_rejected_are_no_failures() {
    let b = half_open(Config::new().on_cancel(OnCancel::Failure)).await;
    let nested = || async { call(&b, call(&b, good(&b))).await };
    tokio::try_join!(nested(), nested()).unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 1]));
    tokio::try_join!(nested(), nested()).unwrap();
    assert_eq!(b.state(), State::Closed);
}

/// As a call is that is dropped: what is read beside the stream was rejected, so its reader gives up.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_after_an_item_while_others_are_rejected_is_no_failure() {
    let b = half_open(Config::new().on_cancel(OnCancel::Failure)).await;
    let read = async || {
        let mut words = guard_stream(b.try_acquire()?, stream::repeat(Ok::<u8, Fault>(1)));
        words.next().await.unwrap()?;
        good(&b).await
    };
    read().await.unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 1]));
    read().await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_inside_a_call_of_an_earlier_state_gives_its_slot_back_when_that_is_dropped() {
    let b = breaker(Config::new().fail_max(1));
    let mut earlier = Box::pin(call(&b, async {
        call(&b, async { Err(Fault::Refused) }).await.unwrap_err();
        sleep(secs(30)).await;
        call(&b, pending()).await
    }));
    assert!(futures_util::poll!(&mut earlier).is_pending());
    assert_eq!(b.state(), State::Open);
    advance(secs(30)).await;
    assert!(futures_util::poll!(&mut earlier).is_pending());
    good(&b).await.unwrap_err();
    drop(earlier);
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 0, 1]));
    tokio::try_join!(good(&b), good(&b)).unwrap();
    assert_eq!(b.state(), State::Closed, "there was a place more, too");
}
