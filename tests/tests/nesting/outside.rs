//! Outside: spawned tasks, other threads and futures that outlive their outer call are calls of
//! their own, and nothing is left on a thread.

use crate::common::{breaker, fail, secs, succeed};
use crate::{Answer, Fault, counts};
use breaker_core::{CallError, CircuitBreaker, Config, State, circuit_breaker, testing};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::{block_in_place, spawn, spawn_blocking, yield_now};

async fn call(b: &CircuitBreaker, body: impl Future<Output = Answer>) -> Answer {
    Ok(b.call(body).await?)
}

fn refused(b: &CircuitBreaker) -> Answer {
    Ok(b.call_sync(|| Err(Fault::Refused))?)
}

#[tokio::test(start_paused = true)]
async fn a_spawned_call_is_a_call_of_its_own() {
    let b = breaker(Config::new());
    let task = b.clone();
    call(&b, async { spawn(async move { call(&task, async { Err(Fault::Refused) }).await }).await.unwrap() })
        .await
        .unwrap_err();
    assert_eq!(counts(&b), [0, 0, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_on_another_thread_is_a_call_of_its_own() {
    let b = breaker(Config::new());
    let thread = b.clone();
    call(&b, async { spawn_blocking(move || refused(&thread)).await.unwrap() }).await.unwrap_err();
    assert_eq!(counts(&b), [0, 0, 2, 0, 0]);
    let scoped = || std::thread::scope(|scope| scope.spawn(|| refused(&b)).join().unwrap());
    b.call_sync(scoped).unwrap_err();
    assert_eq!(counts(&b), [0, 0, 4, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_its_outer_one_is_a_call_of_its_own() {
    let b = breaker(Config::new());
    for end in [Ok(1), Err(Fault::Refused)] {
        let mut inner = Box::pin(call(&b, async {
            yield_now().await;
            Err(Fault::Refused)
        }));
        let body = async {
            assert!(futures_util::poll!(&mut inner).is_pending());
            end
        };
        let _ = call(&b, body).await;
        inner.await.unwrap_err();
    }
    assert_eq!(counts(&b), [1, 0, 3, 0, 0]);
    let mut inner = Box::pin(call(&b, pending()));
    call(&b, async { futures_util::poll!(&mut inner).is_pending().then_some(1).ok_or(Fault::Invalid) }).await.unwrap();
    drop(inner);
    assert_eq!(counts(&b), [2, 0, 3, 1, 0], "dropped then, it tells of it");
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_made_within_a_call_and_polled_after_it_is_a_call_of_its_own() {
    let b = breaker(Config::new());
    let mut made = None;
    call(&b, async {
        made = Some(call(&b, async { Ok(1) }));
        Ok(1)
    })
    .await
    .unwrap();
    made.unwrap().await.unwrap();
    assert_eq!(counts(&b), [2, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_on_and_block_in_place_stay_on_the_thread_and_so_inside() {
    let b = breaker(Config::new());
    let blocked = || futures_util::FutureExt::now_or_never(call(&b, async { Err(Fault::Refused) })).unwrap();
    b.call_sync(blocked).unwrap_err();
    assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
    call(&b, async { block_in_place(|| refused(&b)) }).await.unwrap_err();
    assert_eq!(counts(&b), [0, 0, 2, 0, 0]);
    let on_runtime = || {
        let handle = tokio::runtime::Handle::current();
        block_in_place(|| {
            handle.block_on(call(&b, async {
                yield_now().await;
                Err(Fault::Refused)
            }))
        })
    };
    call(&b, async { on_runtime() }).await.unwrap_err();
    assert_eq!(counts(&b), [0, 0, 3, 0, 0]);
}

#[circuit_breaker(name = "panics", fail_max = 9)]
async fn panics() -> Result<u8, Fault> {
    resume_unwind(Box::new(()))
}

#[circuit_breaker(name = "panics")]
fn panics_sync() -> Result<u8, Fault> {
    resume_unwind(Box::new(()))
}

#[circuit_breaker(name = "panics")]
async fn calm() -> Result<u8, Fault> {
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn no_frame_survives_a_panic() {
    let b = breaker(Config::new());
    let panics_inside =
        || b.call_sync(|| b.call_sync(|| -> Answer { resume_unwind(Box::new(())) }).map_err(Fault::from));
    catch_unwind(AssertUnwindSafe(panics_inside)).unwrap_err();
    assert_eq!(counts(&b), [0, 0, 1, 0, 0]);
    fail(&b, 1);
    succeed(&b, 1);
    assert_eq!(counts(&b), [1, 0, 2, 0, 0], "calls of their own");
    let task = b.clone();
    let panicked = spawn(async move { call(&task, call(&task, async { resume_unwind(Box::new(())) })).await });
    assert!(panicked.await.unwrap_err().is_panic());
    succeed(&b, 1);
    fail(&b, 1);
    assert_eq!(counts(&b), [2, 0, 4, 0, 0], "after a task that panicked too");
}

#[tokio::test(start_paused = true)]
async fn no_frame_of_an_annotated_call_survives_a_panic() {
    testing::isolated(async {
        assert!(futures_util::FutureExt::catch_unwind(AssertUnwindSafe(panics())).await.is_err());
        calm().await.unwrap();
        catch_unwind(AssertUnwindSafe(panics_sync)).unwrap_err();
        calm().await.unwrap();
        assert!(spawn(panics()).await.unwrap_err().is_panic());
        calm().await.unwrap();
        assert_eq!(counts(&testing::breaker("panics")), [3, 0, 3, 0, 0]);
    })
    .await;
}

/// Tasks whose calls move between threads with each wait: each question counts once.
#[test]
fn calls_that_change_threads_count_exactly() {
    const TASKS: u64 = 64;
    const QUESTIONS: u64 = 50;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let b = breaker(Config::new().fail_max(1_000_000).fail_window_off());
    let failed = Arc::new(AtomicU64::new(0));
    let ask = async |b: &CircuitBreaker, fails: bool, waits: u64| {
        let leaf = async {
            for _ in 0..waits {
                yield_now().await;
            }
            if fails { Err(Fault::Refused) } else { Ok(1) }
        };
        call(b, async {
            yield_now().await;
            let answer = call(b, call(b, leaf)).await;
            yield_now().await;
            answer
        })
        .await
    };
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (b, failed) = (b.clone(), failed.clone());
                spawn(async move {
                    for question in 0..QUESTIONS {
                        let given = ask(&b, (task + question) % 3 == 0, question % 4).await;
                        failed.fetch_add(given.is_err().into(), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let failed = failed.load(Ordering::Relaxed);
    assert_eq!(counts(&b), [TASKS * QUESTIONS - failed, 0, failed, 0, 0]);
    assert_eq!(b.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_spawned_call_that_was_rejected_is_the_outer_ones_own() {
    let b = breaker(Config::new().fail_max(1));
    crate::common::open(&b);
    tokio::time::advance(secs(30)).await;
    let task = b.clone();
    let given = b
        .call_classified(
            async { spawn(async move { task.call(async { Ok::<_, Fault>(1) }).await }).await.unwrap() },
            |given| match given {
                Err(CallError::Rejected(_)) => breaker_core::Outcome::ignored(),
                _ => breaker_core::Outcome::success(),
            },
        )
        .await;
    assert!(matches!(given, Err(CallError::Inner(CallError::Rejected(_)))));
    assert_eq!(counts(&b), [0, 1, 1, 0, 1]);
}
