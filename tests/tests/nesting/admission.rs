//! Admission: what goes in with its outer call, and what is asked.

use crate::common::{breaker, ms, open, secs, succeed};
use crate::{Answer, Fault, counts};
use breaker_core::{CircuitBreaker, Config, Outcome, State};
use std::future::pending;
use tokio::time::{advance, sleep, timeout};

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

async fn good(b: &CircuitBreaker) -> Answer {
    call(b, async { Ok(1) }).await
}

async fn half_open(config: Config) -> CircuitBreaker {
    let b = breaker(config.fail_max(1));
    open(&b);
    advance(secs(30)).await;
    b
}

#[tokio::test(start_paused = true)]
async fn the_calls_inside_of_a_probe_go_along_and_all_vote() {
    let b = half_open(Config::new().success_threshold(3)).await;
    let body = async {
        let (one, two) = tokio::join!(call(&b, good(&b)), good(&b));
        assert_eq!(b.state(), State::HalfOpen, "two of three");
        one.and(two).and(good(&b).await)
    };
    call(&b, body).await.unwrap();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [3, 0, 1, 0, 0]));
    let b = half_open(Config::new().success_threshold(3)).await;
    let _ = call(&b, async {
        good(&b).await?;
        call(&b, async { Err(Fault::Refused) }).await
    })
    .await;
    assert_eq!((b.state(), counts(&b)), (State::Open, [1, 0, 2, 0, 0]), "a failure inside opens it again");
}

#[tokio::test(start_paused = true)]
async fn the_first_call_inside_takes_over_the_slot_of_its_probe_and_gives_it_back() {
    let b = half_open(Config::new()).await;
    let body = async {
        let _ = b.call_classified(async { Err::<(), _>(()) }, |_| Outcome::ignored()).await;
        pending().await
    };
    let mut probe = Box::pin(call(&b, body));
    assert!(futures_util::poll!(&mut probe).is_pending());
    good(&b).await.unwrap();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 1, 1, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_probe_and_the_calls_inside_hold_one_slot() {
    let b = half_open(Config::new()).await;
    let mut probe = Box::pin(call(&b, call(&b, pending())));
    assert!(futures_util::poll!(&mut probe).is_pending());
    good(&b).await.unwrap_err();
    drop(probe);
    good(&b).await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_probe_goes_over_with_its_slot() {
    let b = half_open(Config::new().probe_timeout(secs(10))).await;
    let body = async {
        sleep(secs(9)).await;
        call(&b, pending()).await
    };
    let mut probe = Box::pin(call(&b, body));
    assert!(futures_util::poll!(&mut probe).is_pending());
    advance(secs(9)).await;
    assert!(futures_util::poll!(&mut probe).is_pending());
    good(&b).await.unwrap_err();
    advance(secs(1)).await;
    good(&b).await.unwrap();
    assert_eq!(b.state(), State::Closed, "the slot was lost 10 s after the outer call had taken it");
}

/// A job that asks for one page after another, each by a guarded call.
async fn job(b: &CircuitBreaker, pages: u32, up: bool) -> u32 {
    let mut rejected = 0;
    let body = async {
        for _ in 0..pages {
            let page = call(b, async { if up { Ok(1) } else { Err(Fault::Refused) } }).await;
            rejected += u32::from(matches!(page, Err(Fault::Breaker(_))));
        }
        Ok(1)
    };
    let _ = call(b, body).await;
    rejected
}

#[tokio::test(start_paused = true)]
async fn a_guarded_loop_over_guarded_calls_opens_rejects_and_recovers() {
    let b = breaker(Config::new().fail_max(3));
    assert_eq!(job(&b, 10, false).await, 7);
    assert_eq!((b.state(), counts(&b)), (State::Open, [0, 0, 3, 0, 7]));
    advance(secs(30)).await;
    assert_eq!(job(&b, 10, false).await, 9, "after its first page the probe has failed");
    advance(secs(30)).await;
    assert_eq!(job(&b, 10, true).await, 0, "its first page closes it, and the others are asked as ever");
    assert_eq!((b.state(), counts(&b)), (State::Closed, [10, 0, 4, 0, 16]));
}

/// The outer call outlasts an outage.
#[tokio::test(start_paused = true)]
async fn a_call_within_a_call_of_another_generation_is_a_probe_of_its_own() {
    let b = breaker(Config::new().fail_max(1));
    let body = async {
        call(&b, async { Err(Fault::Refused) }).await.unwrap_err();
        good(&b).await.unwrap_err();
        advance(secs(30)).await;
        call(&b, good(&b)).await.unwrap();
        assert_eq!(b.state(), State::Closed);
        Err(Fault::Refused)
    };
    call(&b, body).await.unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 0, 1, 0, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_takes_no_share_of_a_ramp() {
    let b = half_open(Config::new().ramp(secs(10))).await;
    succeed(&b, 1);
    assert_eq!(b.state(), State::Closed);
    call(&b, async {
        for _ in 0..20 {
            good(&b).await.unwrap();
        }
        Ok(1)
    })
    .await
    .unwrap();
    assert_eq!(counts(&b), [21, 0, 1, 0, 0]);
    good(&b).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn in_shadow_a_question_is_rejected_once() {
    let b = breaker(Config::new().fail_max(1));
    b.shadow();
    open(&b);
    call(&b, call(&b, good(&b))).await.unwrap();
    let seen = b.snapshot();
    assert_eq!((seen.shadow_rejected_count, seen.success_count), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_breaker_counts_nothing_of_calls_within_calls() {
    let b = breaker(Config::new().fail_max(1));
    b.disable();
    call(&b, call(&b, async { Err(Fault::Refused) })).await.unwrap_err();
    let _ = timeout(ms(1), call(&b, call(&b, pending()))).await;
    assert_eq!((b.state(), counts(&b)), (State::Disabled, [0; 5]));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_disabled_meanwhile_lets_the_calls_inside_in() {
    let b = breaker(Config::new().fail_max(1));
    let body = async {
        b.disable();
        good(&b).await.unwrap();
        b.force_open();
        good(&b).await
    };
    assert!(matches!(call(&b, body).await, Err(Fault::Breaker(_))));
    assert_eq!(counts(&b), [0, 0, 0, 0, 1]);
}
