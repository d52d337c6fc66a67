//! Evidence: what counts of a call that had calls inside.

use crate::common::{breaker, ms, secs};
use crate::{Fault, counts};
use breaker_core::{CallError, CircuitBreaker, Config, OnPanic, Outcome, State};
use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, resume_unwind};
use tokio::time::{advance, sleep};

type Given = Result<(), Fault>;

const OK: Given = Ok(());
const REFUSED: Given = Err(Fault::Refused);
/// An error that counts as a success.
const MISSING: Given = Err(Fault::Missing);
/// One that counts for nothing.
const INVALID: Given = Err(Fault::Invalid);

fn judge(given: &Given) -> Outcome {
    match given {
        Ok(()) | Err(Fault::Missing) => Outcome::success(),
        Err(Fault::Invalid) => Outcome::ignored(),
        Err(_) => Outcome::failure(),
    }
}

async fn call(b: &CircuitBreaker, body: impl Future<Output = Given>) -> Given {
    b.call_classified(body, judge).await.map_err(Fault::from)
}

/// A call that ends so, with these inside, one after another.
async fn nested<const N: usize>(b: &CircuitBreaker, inside: [Given; N], end: Given) {
    let body = async {
        for given in inside {
            let _ = call(b, async { given }).await;
        }
        end
    };
    let _ = call(b, body).await;
}

/// What is counted of it.
async fn counted<const N: usize>(inside: [Given; N], end: Given) -> [u64; 5] {
    let b = breaker(Config::new());
    nested(&b, inside, end).await;
    counts(&b)
}

#[tokio::test(start_paused = true)]
async fn a_failure_counts_unless_a_call_inside_told_one() {
    assert_eq!(counted([REFUSED], REFUSED).await, [0, 0, 1, 0, 0]);
    assert_eq!(counted([OK], REFUSED).await, [1, 0, 1, 0, 0], "a success inside speaks for itself only");
    assert_eq!(counted([OK, REFUSED, OK], REFUSED).await, [2, 0, 1, 0, 0]);
    assert_eq!(counted([INVALID], REFUSED).await, [0, 1, 1, 0, 0], "an ignored call has told nothing");
    assert_eq!(counted([], REFUSED).await, [0, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_does_not_count_after_an_error_inside_that_was_a_success() {
    assert_eq!(counted([MISSING], REFUSED).await, [1, 0, 0, 0, 0]);
    let b = breaker(Config::new());
    // By a handle's plain call each error is a failure.
    let _ = b.call(async { call(&b, async { MISSING }).await }).await;
    assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_success_counts_unless_a_call_inside_told_anything() {
    assert_eq!(counted([OK], OK).await, [1, 0, 0, 0, 0]);
    assert_eq!(counted([OK, OK, OK], OK).await, [3, 0, 0, 0, 0], "each of those inside counts");
    assert_eq!(counted([REFUSED], OK).await, [0, 0, 1, 0, 0]);
    assert_eq!(counted([MISSING], OK).await, [1, 0, 0, 0, 0]);
    assert_eq!(counted([INVALID], OK).await, [1, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_end_counts_unless_a_call_inside_told_anything() {
    assert_eq!(counted([OK], INVALID).await, [1, 0, 0, 0, 0]);
    assert_eq!(counted([REFUSED], INVALID).await, [0, 0, 1, 0, 0]);
    assert_eq!(counted([INVALID], INVALID).await, [0, 2, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_goes_up_through_every_level() {
    let b = breaker(Config::new());
    let _ = call(&b, async {
        nested(&b, [REFUSED], REFUSED).await;
        REFUSED
    })
    .await;
    assert_eq!(counts(&b), [0, 0, 1, 0, 0], "a failure");
    let b = breaker(Config::new());
    let _ = call(&b, async {
        nested(&b, [MISSING], OK).await;
        REFUSED
    })
    .await;
    assert_eq!(counts(&b), [1, 0, 0, 0, 0], "an error that is a success");
    let b = breaker(Config::new());
    let _ = call(&b, async {
        nested(&b, [OK], INVALID).await;
        INVALID
    })
    .await;
    assert_eq!(counts(&b), [1, 0, 0, 0, 0], "a success");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_inside_is_no_failure_of_the_outer_call() {
    let b = breaker(Config::new().fail_max(1));
    let given = call(&b, async {
        call(&b, async { REFUSED }).await.unwrap_err();
        call(&b, async { OK }).await
    })
    .await;
    assert!(matches!(given, Err(Fault::Breaker(_))), "{given:?}");
    assert_eq!(counts(&b), [0, 0, 1, 0, 1]);
    b.reset();
    let _ = call(&b, async {
        b.trip();
        call(&b, async { OK }).await.unwrap_err();
        OK
    })
    .await;
    assert_eq!(counts(&b), [0, 0, 0, 0, 1], "nor is what it gives instead a success");
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_passes_through_several_calls_counts_once() {
    for (on_panic, expected) in [(OnPanic::Failure, [0, 0, 1, 0, 0]), (OnPanic::Ignore, [0, 2, 0, 0, 0])] {
        let b = breaker(Config::new().on_panic(on_panic));
        let panics = call(&b, call(&b, async { resume_unwind(Box::new(())) }));
        AssertUnwindSafe(panics).catch_unwind().await.unwrap_err();
        assert_eq!(counts(&b), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_out_inside_is_the_only_one() {
    let b = breaker(Config::new().timeout(secs(1)));
    let given = call(
        &b,
        call(&b, async {
            sleep(secs(9)).await;
            OK
        }),
    )
    .await;
    assert!(matches!(given, Err(Fault::Breaker(error)) if error.is_timeout()));
    assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_its_own_after_successes_inside_counts_and_opens_it() {
    let b = breaker(Config::new().failure_rate(0.5).min_calls(4));
    nested(&b, [OK], REFUSED).await;
    assert_eq!(b.state(), State::Closed);
    nested(&b, [OK], REFUSED).await;
    assert_eq!((counts(&b), b.state()), ([2, 0, 2, 0, 0], State::Open));
}

fn slow_calls(b: &CircuitBreaker) -> (u64, u64) {
    let window = b.snapshot().window.unwrap();
    (window.calls, window.slow)
}

#[tokio::test(start_paused = true)]
async fn inner_calls_count_with_their_own_duration_and_the_outer_one_is_never_slow_after_them() {
    let config = Config::new().slow_call_duration(ms(100)).min_calls(100);
    for (inside, expected) in [(OK, (1, 0)), (INVALID, (1, 0))] {
        let b = breaker(config);
        let _ = call(&b, async {
            advance(secs(1)).await;
            let _ = call(&b, async { inside }).await;
            OK
        })
        .await;
        assert_eq!(slow_calls(&b), expected);
    }
    let b = breaker(config);
    let _ = call(
        &b,
        call(&b, async {
            advance(secs(1)).await;
            OK
        }),
    )
    .await;
    assert_eq!(slow_calls(&b), (1, 1), "the inner one is slow");
    let b = breaker(config);
    let _ = call(&b, async {
        advance(secs(1)).await;
        OK
    })
    .await;
    assert_eq!(slow_calls(&b), (1, 1), "without calls inside");
}

#[tokio::test(start_paused = true)]
async fn a_time_out_that_passes_through_plain_calls_by_handle_counts_once() {
    let b = breaker(Config::new().timeout(secs(1)));
    let error = b.call(b.call(std::future::pending::<Given>())).await.unwrap_err();
    assert!(matches!(error, CallError::Inner(CallError::Rejected(error)) if error.is_timeout()));
    assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
}
