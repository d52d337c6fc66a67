//! Drops and limits: the outermost call that is dropped reports it.

use crate::common::{breaker, ms, secs};
use crate::{Answer, Fault, counts};
use breaker_core::{CircuitBreaker, Config, OnCancel, State, circuit_breaker, guard_stream, testing};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, poll, stream};
use std::future::pending;
use std::sync::Mutex;
use tokio::task::yield_now;
use tokio::time::{advance, sleep, timeout};

const ON_CANCEL: [OnCancel; 3] = [OnCancel::Ignore, OnCancel::Failure, OnCancel::After(secs(1))];

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

fn hanging(on_cancel: OnCancel) -> CircuitBreaker {
    breaker(Config::new().on_cancel(on_cancel))
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_with_calls_under_way_inside_is_one_ending() {
    for (on_cancel, expected) in ON_CANCEL.into_iter().zip([[0, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]]) {
        let b = hanging(on_cancel);
        let both = async {
            let (one, other) = tokio::join!(call(&b, call(&b, pending())), call(&b, pending()));
            one.or(other)
        };
        timeout(secs(2), call(&b, both)).await.unwrap_err();
        assert_eq!(counts(&b), expected, "{on_cancel:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_counts_unless_one_inside_told_anything_before() {
    for (on_cancel, after_ok, after_err) in
        [(OnCancel::Ignore, [1, 0, 0, 0, 0], [0, 0, 1, 0, 0]), (OnCancel::Failure, [1, 0, 1, 0, 0], [0, 0, 1, 0, 0])]
    {
        for (inside, expected) in [(Ok(1), after_ok), (Err(Fault::Refused), after_err)] {
            let b = hanging(on_cancel);
            let body = async {
                let _ = call(&b, async { inside }).await;
                call(&b, pending()).await
            };
            timeout(secs(2), call(&b, body)).await.unwrap_err();
            assert_eq!(counts(&b), expected, "{on_cancel:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cut_off_by_its_limit_is_one_failure_whatever_was_under_way_inside() {
    for on_cancel in ON_CANCEL {
        let b = breaker(Config::new().on_cancel(on_cancel).timeout(secs(5)));
        let body = async {
            sleep(secs(3)).await;
            call(&b, call(&b, pending())).await
        };
        assert!(matches!(call(&b, body).await, Err(Fault::Breaker(error)) if error.is_timeout()));
        assert_eq!(counts(&b), [0, 0, 1, 0, 0], "{on_cancel:?}");
    }
}

#[circuit_breaker(name = "limited", timeout = "5s", on_cancel = failure)]
async fn limited(depth: u32) -> Result<u8, Fault> {
    if depth == 0 {
        return pending().await;
    }
    sleep(secs(1)).await;
    Box::pin(limited(depth - 1)).await
}

#[tokio::test(start_paused = true)]
async fn an_annotated_call_that_is_cut_off_is_one_failure_too() {
    testing::isolated(async {
        limited(3).await.unwrap_err();
        assert_eq!(counts(&testing::breaker("limited")), [0, 0, 1, 0, 0]);
        timeout(secs(2), limited(3)).await.unwrap_err();
        assert_eq!(counts(&testing::breaker("limited")), [0, 0, 2, 0, 0], "nor more when it is dropped");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_select_within_a_call_tells_as_ever() {
    for (on_cancel, expected) in [(OnCancel::Ignore, [1, 0, 0, 1, 0]), (OnCancel::Failure, [1, 0, 1, 0, 0])] {
        let b = hanging(on_cancel);
        call(&b, async {
            tokio::select! {
                biased;
                slow = call(&b, pending()) => slow,
                quick = call(&b, async { Ok(1) }) => quick,
            }
        })
        .await
        .unwrap();
        assert_eq!(counts(&b), expected, "{on_cancel:?}");
    }
}

/// The outer call has a result, of which its service knows nothing: it did not answer in time.
#[tokio::test(start_paused = true)]
async fn a_call_cut_off_by_the_users_own_limit_within_its_outer_call_tells_as_ever() {
    let limited = async |b: &CircuitBreaker, end: Answer| {
        let body = async {
            let _ = timeout(secs(1), call(b, pending())).await;
            end
        };
        let _ = call(b, body).await;
        counts(b)
    };
    assert_eq!(limited(&hanging(OnCancel::Ignore), Ok(1)).await, [0, 0, 0, 1, 0], "its success proves nothing");
    assert_eq!(limited(&hanging(OnCancel::Ignore), Err(Fault::Refused)).await, [0, 0, 1, 1, 0]);
    assert_eq!(limited(&hanging(OnCancel::Failure), Ok(1)).await, [0, 0, 1, 0, 0]);
    assert_eq!(limited(&hanging(OnCancel::Failure), Err(Fault::Refused)).await, [0, 0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_dropped_with_calls_inside_gives_its_slot_back() {
    let b = breaker(Config::new().fail_max(1));
    call(&b, async { Err(Fault::Refused) }).await.unwrap_err();
    advance(secs(30)).await;
    timeout(ms(10), call(&b, call(&b, call(&b, pending())))).await.unwrap_err();
    assert_eq!((b.state(), counts(&b)), (State::HalfOpen, [0, 0, 1, 1, 0]));
    call(&b, async { Ok(1) }).await.unwrap();
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_inside_that_was_never_polled_is_no_call() {
    let b = hanging(OnCancel::Failure);
    let body = async {
        drop(call(&b, pending()));
        Ok(1)
    };
    call(&b, body).now_or_never().unwrap().unwrap();
    assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
}

/// What a call holds and drops that was begun elsewhere says nothing of it.
#[tokio::test(start_paused = true)]
async fn a_call_that_drops_one_which_was_never_inside_it_counts() {
    let b = breaker(Config::new());
    let hang = || call(&b, pending());
    let mut elsewhere = Box::pin(hang());
    assert!(poll!(&mut elsewhere).is_pending());
    call(&b, async {
        drop(elsewhere);
        Ok(1)
    })
    .await
    .unwrap();
    assert_eq!(counts(&b), [1, 0, 0, 1, 0], "by a handle");

    let permit = b.try_acquire().unwrap();
    call(&b, async {
        drop(permit);
        Ok(1)
    })
    .await
    .unwrap();
    assert_eq!(counts(&b), [2, 0, 0, 2, 0], "a permit");

    let mut words = guard_stream(b.try_acquire().unwrap(), stream::repeat(Ok::<u8, Fault>(1)));
    words.next().await.unwrap().unwrap();
    call(&b, async {
        drop(words);
        Ok(1)
    })
    .await
    .unwrap();
    assert_eq!(counts(&b), [4, 0, 0, 2, 0], "a stream, which is a success of its own");
}

#[circuit_breaker(name = "latest")]
async fn latest(late: &Mutex<Option<BoxFuture<'static, Answer>>>) -> Answer {
    drop(late.lock().unwrap().take());
    yield_now().await;
    Ok(1)
}

#[circuit_breaker(name = "latest")]
async fn asked_early() -> Answer {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_trial_whose_calls_drop_what_others_began_closes() {
    testing::isolated(async {
        let (b, late) = (testing::breaker("latest"), Mutex::new(None));
        testing::half_open(&b).await;
        b.reconfigure(Config::new().half_open_max_calls(2)).unwrap();
        let mut early = asked_early().boxed();
        assert!(poll!(&mut early).is_pending());
        *late.lock().unwrap() = Some(early);
        latest(&late).await.unwrap();
        assert_eq!((b.state(), counts(&b)), (State::Closed, [1, 0, 5, 1, 0]));
    })
    .await;
}

/// One that was begun inside an earlier call is not inside the next one that drops it.
#[tokio::test(start_paused = true)]
async fn a_call_that_drops_what_an_earlier_one_left_counts() {
    let b = breaker(Config::new());
    let mut left = Box::pin(call(&b, pending()));
    call(&b, async {
        assert!(poll!(&mut left).is_pending());
        Ok(1)
    })
    .await
    .unwrap();
    call(&b, async {
        drop(left);
        Ok(1)
    })
    .await
    .unwrap();
    assert_eq!(counts(&b), [2, 0, 0, 1, 0]);
}

/// Makes a call as its owner's body is dropped, as a transaction does that rolls back.
struct Rollback<F: FnMut()>(F);

impl<F: FnMut()> Drop for Rollback<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The same for each way to make the calls.
macro_rules! rolls_back {
    ($name:literal $outer:ident $inner:ident $rollback:ident $(#[$steps:meta])*) => {
        #[circuit_breaker(name = $name)]
        fn $rollback() -> Answer {
            Ok(1)
        }

        #[circuit_breaker(name = $name)]
        $(#[$steps])*
        async fn $inner() -> Answer {
            let _rollback = Rollback(|| drop($rollback()));
            pending().await
        }

        #[circuit_breaker(name = $name)]
        $(#[$steps])*
        async fn $outer() -> Answer {
            $inner().await
        }
    };
}

rolls_back!("rolls_back" outer inner rollback);
rolls_back!("rolls_back_by_permit" outer_by_permit inner_by_permit rollback_by_permit #[breaker_core::fallback(|_| None)]);

#[test]
fn a_call_that_is_made_as_a_nested_one_is_dropped_is_the_only_ending() {
    assert!(outer().now_or_never().is_none() && outer_by_permit().now_or_never().is_none());
    for name in ["rolls_back", "rolls_back_by_permit"] {
        let b = breaker_core::Registry::global().get(name).unwrap();
        assert_eq!(counts(&b), [1, 0, 0, 0, 0], "{name}");
    }
    for config in [Config::new(), Config::new().timeout(secs(1))] {
        let b = breaker(config);
        let nested = call(&b, async {
            let _rollback = Rollback(|| drop(b.call_sync(|| Ok::<_, Fault>(1))));
            pending().await
        });
        assert!(call(&b, nested).now_or_never().is_none());
        assert_eq!(counts(&b), [1, 0, 0, 0, 0]);
    }
}
