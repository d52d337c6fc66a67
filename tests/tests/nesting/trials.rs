//! Trials: none sticks, whatever its probes are made of.

use crate::common::log::Log;
use crate::common::{breaker, open, secs, succeed};
use crate::{Answer, Fault, counts};
use breaker_core::{
    CircuitBreaker, CircuitBreakerError, Config, OnCancel, Outcome, State, circuit_breaker, guard_stream, testing,
};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::future::pending;
use tokio::spawn;
use tokio::task::yield_now;
use tokio::time::{advance, sleep, timeout};
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

/// The second of two probes finds no slot, and that ends the first: the next time there is one for
/// both.
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
        b.call_classified(spawned, |given: &Answer| match given {
            Err(Fault::Breaker(_)) => Outcome::ignored(),
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

/// As a call is that is dropped: what is asked beside the stream was rejected, so its reader gives
/// up while it waits.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_after_an_item_while_others_are_rejected_is_no_failure() {
    let b = half_open(Config::new().on_cancel(OnCancel::Failure)).await;
    let read = async || {
        let one = stream::iter([Ok::<u8, Fault>(1)]).chain(stream::pending());
        let mut words = guard_stream(b.try_acquire()?, one);
        words.next().await.unwrap()?;
        let more = async { words.next().await.unwrap() };
        futures_util::future::try_join(more, good(&b)).await.map(drop)
    };
    read().await.unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 1]));
    assert!(timeout(secs(1), read()).await.is_err(), "there is a place for both now");
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

/// A call that takes a second.
async fn page(b: &CircuitBreaker) -> Answer {
    let body = async {
        sleep(secs(1)).await;
        Ok(1)
    };
    call(b, body).await
}

/// A call whose items are calls of the same breaker, or which makes them itself. It begins `late`
/// seconds late.
async fn pages(b: &CircuitBreaker, streamed: bool, pages: u32, late: u64) -> Answer {
    sleep(secs(late)).await;
    if streamed {
        let mut read = Box::pin(guard_stream(b.try_acquire()?, stream::iter(0..pages).then(|_| page(b))));
        while let Some(page) = read.next().await {
            page?;
        }
        return Ok(1);
    }
    let all = async {
        for _ in 0..pages {
            page(b).await?;
        }
        Ok(1)
    };
    call(b, all).await
}

/// Once a call inside has reported, the outer one has no slot. Its drop is no failure all the same.
#[tokio::test(start_paused = true)]
async fn a_drop_without_a_slot_while_others_are_rejected_is_no_failure() {
    for streamed in [true, false] {
        let config = Config::new().on_cancel(OnCancel::Failure).success_threshold(3);
        let b = half_open(config).await;
        let [early, late, rejected] = [0, 1, 1].map(|late| pages(&b, streamed, 3, late));
        futures_util::future::try_join3(early, late, rejected).await.unwrap_err();
        assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [1, 0, 1, 1, 1]), "streamed: {streamed}");

        let b = half_open(config).await;
        let mut early = Box::pin(pages(&b, streamed, 3, 0));
        assert!(futures_util::poll!(&mut early).is_pending());
        advance(secs(1)).await;
        assert!(futures_util::poll!(&mut early).is_pending());
        drop(early);
        assert_eq!(b.state(), State::Open, "no other call was rejected");
    }
}

/// Nor does one that has no result for long: sixteen are spared.
#[tokio::test(start_paused = true)]
async fn drops_without_a_slot_are_failures_in_the_end() {
    let b = half_open(Config::new().on_cancel(OnCancel::Failure).half_open_max_calls(2)).await;
    let hangs = || async {
        let _ = b.call_classified(async { Ok::<(), Fault>(()) }, |_| Outcome::ignored()).await;
        pending::<Answer>().await
    };
    let mut calls: Vec<_> = (0..17).map(|_| Box::pin(call(&b, hangs()))).collect();
    for hanging in &mut calls {
        assert!(futures_util::poll!(hanging).is_pending());
    }
    let _held = [b.try_acquire().unwrap(), b.try_acquire().unwrap()];
    b.try_acquire().unwrap_err();
    for hanging in calls.drain(..16) {
        drop(hanging);
        assert_eq!(b.state(), State::HalfOpen);
    }
    drop(calls);
    assert_eq!(b.state(), State::Open);
}

/// Readers that are dropped as soon as one of them is rejected, in every number, order and setting
/// that a service may have.
#[tokio::test(start_paused = true)]
async fn no_trial_of_calls_that_end_together_sticks() {
    let settings = (1..=4_u32).flat_map(|slots| (1..=3_u32).map(move |needed| (slots, needed)));
    for (slots, needed) in settings {
        for on_cancel in [OnCancel::Ignore, OnCancel::Failure, OnCancel::After(secs(1))] {
            let config = Config::new().half_open_max_calls(slots).success_threshold(needed).on_cancel(on_cancel);
            for readers in [&[0, 0][..], &[0, 1], &[0, 0, 0], &[0, 1, 1], &[0, 1, 2], &[0, 1, 1, 2, 2], &[0; 12]] {
                for streamed in [true, false] {
                    let b = half_open(config).await;
                    for _ in 0..12 {
                        let all = readers.iter().map(|late| pages(&b, streamed, 3, *late));
                        let _ = futures_util::future::try_join_all(all).await;
                        advance(secs(30)).await;
                    }
                    let setting = (slots, needed, on_cancel, readers, streamed);
                    assert_eq!(b.state(), State::Closed, "{setting:?}");
                }
            }
        }
    }
}

/// The ramp rejects what belongs to a call of the trial, and would else open it again each time.
#[tokio::test(start_paused = true)]
async fn a_drop_while_a_ramp_rejects_others_is_no_failure() {
    let config = Config::new().on_cancel(OnCancel::Failure).ramp(secs(60));
    let b = half_open(config).await;
    good(&b).await.unwrap();
    tokio::try_join!(good(&b), good(&b)).unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 0, 1, 1, 1]));

    let b = half_open(config).await;
    good(&b).await.unwrap();
    drop(b.try_acquire().unwrap());
    assert_eq!(b.state(), State::Open, "no other call was rejected");
}

#[circuit_breaker(name = "raced", success_threshold = 2)]
async fn winner() -> Answer {
    tokio::select! {
        biased;
        won = loser() => won,
        () = yield_now() => Ok(1),
    }
}

#[circuit_breaker(name = "raced")]
async fn loser() -> Answer {
    pending().await
}

/// By the rule a success does not count after a call inside was dropped. Where no other call ever
/// reports, that keeps it half-open.
#[tokio::test(start_paused = true)]
async fn one_line_says_that_a_dropped_call_inside_hides_the_successes_of_a_trial() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let b = testing::breaker("raced");
        testing::half_open(&b).await;
        for _ in 0..5 {
            winner().await.unwrap();
        }
        assert_eq!(b.state(), State::HalfOpen);
        let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains("none counts")).collect();
        assert_eq!(lines.len(), 1, "{:#?}", log.lines());
        let told = ["WARN", "`raced`", "trials::winner", "trials::loser", "`skip`"];
        assert!(told.iter().all(|text| lines[0].contains(text)), "{}", lines[0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_trial_in_which_anything_tells_has_no_such_line() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        let b = testing::breaker("raced");
        testing::half_open(&b).await;
        winner().await.unwrap();
        b.try_acquire().unwrap().success();
        b.try_acquire().unwrap().success();
        assert_eq!(b.state(), State::Closed);
        for _ in 0..5 {
            winner().await.unwrap();
        }
        assert!(!log.lines().iter().any(|line| line.contains("none counts")), "{:#?}", log.lines());
    })
    .await;
}

/// An error of which only the words are left, as of a batch whose error goes to all who wait for
/// it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
struct Words(String);

impl From<CircuitBreakerError> for Words {
    fn from(error: CircuitBreakerError) -> Self {
        Self(error.to_string())
    }
}

#[circuit_breaker(name = "batches", fail_max = 1)]
async fn batch(up: bool) -> Result<u8, Words> {
    if up { Ok(1) } else { Err(Words("down".to_owned())) }
}

#[circuit_breaker(name = "batches")]
async fn load(up: bool) -> Result<u8, Words> {
    spawn(batch(up)).await.unwrap()
}

#[circuit_breaker(name = "batches")]
async fn load_all(up: bool) -> Result<u8, Words> {
    load(up).await
}

/// The probe waits for a task whose call finds no place, and cannot see that this is why it fails.
#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_by_the_rejection_of_its_own_task_gives_the_next_trial_a_place_more() {
    let log = Log::at(Level::WARN);
    testing::isolated(async {
        for levels in [false, true] {
            let (b, ask) =
                (testing::breaker("batches"), async |up| if levels { load_all(up).await } else { load(up).await });
            b.reset();
            ask(false).await.unwrap_err();
            for _ in 0..3 {
                advance(secs(30)).await;
                ask(false).await.unwrap_err();
                assert_eq!(b.state(), State::Open);
            }
            let mut trials = 0;
            while b.state() != State::Closed {
                advance(secs(30)).await;
                trials += 1;
                let _ = ask(true).await;
            }
            assert!(trials <= 2, "{trials} trials of a service that is well");
        }
        let lines: Vec<_> =
            log.lines().into_iter().filter(|line| line.contains("next trial has one more slot")).collect();
        assert_eq!(lines.len(), 2, "once in each outage: {:#?}", log.lines());
        let told = ["WARN", "`batches`", "trials::load ", "`half_open_max_calls`"];
        assert!(told.iter().all(|text| lines[0].contains(text)), "{}", lines[0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_by_a_handle_that_waits_for_its_own_task_recovers() {
    let b = half_open(Config::new()).await;
    let question = || {
        let task = spawn({
            let b = b.clone();
            async move { good(&b).await }
        });
        call(&b, async { task.await.unwrap() })
    };
    question().await.unwrap_err();
    assert_eq!(b.state(), State::Open);
    advance(secs(30)).await;
    question().await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

/// A permit by hand is never an outer one, so the call is one beside it.
#[tokio::test(start_paused = true)]
async fn a_permit_by_hand_around_a_call_recovers() {
    let b = half_open(Config::new()).await;
    let question = async || {
        let permit = b.try_acquire()?;
        let answer = good(&b).await;
        match &answer {
            Ok(_) => permit.success(),
            Err(_) => permit.failure(),
        }
        answer
    };
    question().await.unwrap_err();
    assert_eq!(b.state(), State::Open);
    advance(secs(30)).await;
    question().await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

/// More places would let in only a part of so large a number, and the service may be down.
#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_while_many_are_rejected_gives_no_place() {
    let b = half_open(Config::new()).await;
    for rejected in [17, 0, 17] {
        let probe = b.try_acquire().unwrap();
        (0..rejected).for_each(|_| drop(b.try_acquire().unwrap_err()));
        probe.failure();
        advance(secs(30)).await;
        let only = b.try_acquire().unwrap();
        b.try_acquire().unwrap_err();
        only.failure();
        b.reset();
        open(&b);
        advance(secs(30)).await;
    }
}

/// Sixteen more at most, and none once it has closed, or where no call was rejected.
#[tokio::test(start_paused = true)]
async fn places_that_failed_probes_lack_are_bounded_and_forgotten() {
    let b = half_open(Config::new()).await;
    let fill = || std::iter::from_fn(|| b.try_acquire().ok()).collect::<Vec<_>>();
    for places in (1..=17).chain([17, 17]) {
        let mut probes = fill();
        assert_eq!(probes.len(), places);
        probes.pop().unwrap().failure();
        drop(probes);
        advance(secs(30)).await;
    }
    b.try_acquire().unwrap().failure();
    advance(secs(30)).await;
    let mut probes = fill();
    assert_eq!(probes.len(), 1, "nobody was rejected in the trial before");
    probes.pop().unwrap().failure();
    advance(secs(30)).await;
    b.try_acquire().unwrap().success();
    open(&b);
    advance(secs(30)).await;
    assert_eq!(fill().len(), 1, "it has closed since");
}

/// It had the time that `on_cancel` gives, so it has hung, whichever other calls were rejected.
#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_after_its_time_is_a_failure_while_others_are_rejected() {
    for levels in [false, true] {
        let b = half_open(Config::new().on_cancel(OnCancel::After(secs(10)))).await;
        let hangs = || {
            let hangs = async { if levels { call(&b, pending()).await } else { pending().await } };
            let mut probe = Box::pin(call(&b, hangs));
            assert!(probe.as_mut().now_or_never().is_none());
            good(&b).now_or_never().unwrap().unwrap_err();
            probe
        };
        let early = hangs();
        advance(secs(5)).await;
        drop(early);
        assert_eq!(b.state(), State::HalfOpen, "one that had no time is none");
        b.reset();
        open(&b);
        advance(secs(30)).await;
        let late = hangs();
        advance(secs(15)).await;
        drop(late);
        assert_eq!(b.state(), State::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn one_line_tells_of_places_until_it_closes() {
    let log = Log::at(Level::WARN);
    let b = breaker(Config::new().fail_max(1));
    let told = || log.lines().iter().filter(|line| line.contains("one more slot")).count();
    for outage in 1..=3 {
        open(&b);
        for _ in 0..3 {
            advance(secs(30)).await;
            for _ in 0..3 {
                let probe = b.try_acquire().unwrap();
                let _full = std::iter::from_fn(|| b.try_acquire().ok()).collect::<Vec<_>>();
                drop(probe);
            }
            b.try_acquire().unwrap().failure();
        }
        assert_eq!(told(), outage, "{:#?}", log.lines());
        advance(secs(30)).await;
        b.try_acquire().unwrap().success();
        assert_eq!(b.state(), State::Closed);
    }
}

/// The ramp that follows rejects the task, as the trial did.
#[tokio::test(start_paused = true)]
async fn a_ramp_that_rejects_the_task_of_a_call_does_not_open_the_breaker_for_ever() {
    let b = half_open(Config::new().ramp(secs(60))).await;
    let question = || {
        let task = spawn({
            let b = b.clone();
            async move { good(&b).await }
        });
        call(&b, async { task.await.unwrap() })
    };
    let mut asked = 0;
    while b.state() != State::Closed || question().await.is_err() {
        asked += 1;
        assert!(asked < 9, "it sticks");
        advance(secs(30)).await;
        let _ = question().await;
    }
}
