//! By handle: `call`, `call_sync` and permits within each other.

use crate::common::{self, ms, secs};
use crate::{Answer, Fault, Service, counts};
use breaker_core::{CallError, CircuitBreaker, Config, OnCancel, Outcome, State};
use std::future::pending;
use tokio::time::{advance, timeout};

fn breaker() -> CircuitBreaker {
    common::breaker(Config::new().fail_max(3))
}

/// As `asks_once`, for a breaker by handle.
async fn counts_once(what: &str, ask: impl AsyncFn(&CircuitBreaker, &Service) -> Answer) {
    let (breaker, service) = (breaker(), Service::default());
    ask(&breaker, &service).await.unwrap();
    service.set_down(true);
    for failures in 1..=3 {
        assert_eq!(breaker.state(), State::Closed, "{what}");
        ask(&breaker, &service).await.unwrap_err();
        assert_eq!(counts(&breaker), [1, 0, failures, 0, 0], "{what}");
    }
    service.set_down(false);
    advance(secs(30)).await;
    ask(&breaker, &service).await.unwrap();
    assert_eq!((breaker.state(), counts(&breaker)), (State::Closed, [2, 0, 3, 0, 0]), "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_call_within_a_call_counts_once() {
    counts_once("call in call", async |b, service| {
        b.call(async { b.call(async { b.call(async { service.answer() }).await }).await }).await.map_err(flat3)
    })
    .await;
    counts_once("call_sync in call", async |b, service| {
        Ok(b.call(async { b.call_sync(|| service.answer()).map_err(Fault::from) }).await?)
    })
    .await;
    counts_once("call_sync in call_sync", async |b, service| {
        Ok(b.call_sync(|| b.call_sync(|| service.answer()).map_err(Fault::from))?)
    })
    .await;
    counts_once("block_on in call_sync", async |b, service| {
        let inner = || futures_util::FutureExt::now_or_never(b.call(async { service.answer() })).unwrap();
        Ok(b.call_sync(|| inner().map_err(Fault::from))?)
    })
    .await;
}

/// Also where the call takes the short way: the first failure, and each after a success.
#[tokio::test(start_paused = true)]
async fn a_call_in_the_classifier_of_a_call_is_inside_it() {
    let b = breaker();
    let judge = |given: &Result<u8, Fault>| {
        let asked: Result<u8, _> = b.call_sync(|| Err(Fault::Refused));
        if asked.is_ok() && given.is_ok() { Outcome::success() } else { Outcome::failure() }
    };
    for failures in 1..=2 {
        b.call_classified(async { Ok(1) }, judge).await.unwrap();
        assert_eq!(counts(&b)[..3], [0, 0, failures], "async");
    }
    b.call_sync_classified(|| Ok(1), judge).unwrap();
    assert_eq!((b.state(), counts(&b)), (State::Open, [0, 0, 3, 0, 0]));
}

fn flat3(error: CallError<CallError<CallError<Fault>>>) -> Fault {
    match error {
        CallError::Rejected(error) | CallError::Inner(CallError::Rejected(error)) => error.into(),
        CallError::Inner(CallError::Inner(error)) => error.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_handle_is_the_same_breaker_and_another_of_the_same_name_is_not() {
    let (b, other) = (breaker(), breaker());
    let clone = b.clone();
    let _ = b.call(async { clone.call(async { Err::<(), _>(Fault::Refused) }).await.map_err(Fault::from) }).await;
    assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
    let _ = b.call(async { other.call(async { Err::<(), _>(Fault::Refused) }).await.map_err(Fault::from) }).await;
    assert_eq!((counts(&b), counts(&other)), ([0, 0, 2, 0, 0], [0, 0, 1, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_taken_within_a_call_is_inner() {
    counts_once("permit in call", async |b, service| {
        Ok(b.call(async {
            let permit = b.try_acquire()?;
            let answer = service.answer();
            if answer.is_ok() {
                permit.success();
            } else {
                permit.failure();
            }
            answer
        })
        .await?)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_by_hand_is_never_an_outer_call() {
    let b = breaker();
    let permit = b.try_acquire().unwrap();
    b.call(async { Ok::<_, Fault>(()) }).await.unwrap();
    permit.failure();
    assert_eq!(counts(&b), [1, 0, 1, 0, 0], "two calls");
    common::open(&b);
    advance(secs(30)).await;
    let probe = b.try_acquire().unwrap();
    b.call(async { Ok::<_, Fault>(()) }).await.unwrap_err();
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_runs_its_body_is_an_outer_call() {
    counts_once("call in Permit::run", async |b, service| {
        let body = async { Ok::<_, Fault>(b.call(async { service.answer() }).await?) };
        Ok(b.try_acquire()?.run(body).await?)
    })
    .await;
    counts_once("call_sync in Permit::run_sync", async |b, service| {
        let body = || Ok::<_, Fault>(b.call_sync(|| service.answer())?);
        Ok(b.try_acquire()?.run_sync(body)?)
    })
    .await;
    counts_once("Permit::run in call", async |b, service| {
        Ok(b.call(async { Ok::<_, Fault>(b.try_acquire()?.run(async { service.answer() }).await?) }).await?)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_runs_its_body_is_cut_off_and_dropped_as_a_call_is() {
    let b = common::breaker(Config::new().timeout(secs(1)).on_cancel(OnCancel::Failure));
    let hangs = || b.call(pending::<Answer>());
    assert!(
        matches!(b.try_acquire().unwrap().run(hangs()).await, Err(CallError::Inner(_))),
        "the inner one is cut off"
    );
    assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
    timeout(ms(10), b.try_acquire().unwrap().run(hangs())).await.unwrap_err();
    assert_eq!(counts(&b), [0, 0, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_permit_within_a_call_has_told_nothing_but_the_outer_one_is_never_slow_after_it() {
    // Where only metrics hear of calls, these have a way of their own.
    for metered in [false, true] {
        let b = common::breaker(Config::new().slow_call_duration(ms(10)));
        if metered {
            b.export_metrics();
        }
        let body = async {
            let permit = b.try_acquire()?;
            advance(secs(1)).await;
            permit.ignore();
            Ok::<_, Fault>(1)
        };
        b.call(body).await.unwrap();
        let window = b.snapshot().window.unwrap();
        assert_eq!((counts(&b), window.calls, window.slow), ([1, 1, 0, 0, 0], 1, 0), "with metrics: {metered}");
    }
}
