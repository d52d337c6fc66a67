//! Runtimes: a call that began in a tokio runtime which is gone goes on in another one, and outside
//! of all.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CacheStore, CallError, CircuitBreakerError, Config, Stored, circuit_breaker, fallback, retry};
use common::{breaker, secs};
use futures_util::FutureExt as _;
use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic;
use std::pin::{Pin, pin};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Has the future begin in a runtime that is gone afterwards.
fn begin<F: Future>(mut future: Pin<&mut F>) {
    let first = runtime();
    let polled = first.block_on(poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())));
    assert!(polled, "it has to wait");
}

thread_local!(static PANICS: Cell<u32> = const { Cell::new(0) });

/// Runs `f`, in which nothing may panic: also a panic that is caught is printed, and ends a process
/// that is built with `panic = "abort"`.
fn calmly<T>(f: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
    let (before, given) = (PANICS.get(), f());
    assert_eq!(PANICS.get(), before, "something panicked");
    given
}

/// One poll outside of all runtimes.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    calmly(|| future.poll(&mut Context::from_waker(Waker::noop())))
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(timeout = "5s")]
async fn limited(body: impl Future<Output = ()>) -> Result<(), Error> {
    body.await;
    Ok(())
}

#[circuit_breaker(timeout = "5s", key = host)]
async fn limited_by_key(host: &str, body: impl Future<Output = ()>) -> Result<(), Error> {
    let _ = host;
    body.await;
    Ok(())
}

#[circuit_breaker(timeout = "5s")]
#[fallback(stale = |_| Ok(()))]
async fn limited_with_fallback(body: impl Future<Output = ()>) -> Result<(), Error> {
    body.await;
    Ok(())
}

/// Waits once, so that a call has its timer, and is then over when it is polled again.
async fn once() {
    let mut first = true;
    poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

#[test]
fn a_call_goes_on_outside_of_all_runtimes_without_its_limit() {
    for is_over in [true, false] {
        let body = || async move {
            once().await;
            if !is_over {
                pending::<()>().await;
            }
        };
        let by_handle = breaker(Config::new().timeout(secs(5)));
        let call = by_handle.call(async {
            body().await;
            Ok::<_, Error>(())
        });
        let mut call = pin!(call);
        begin(call.as_mut());
        assert_eq!(poll(call).is_ready(), is_over);
        macro_rules! check {
            ($($call:expr;)*) => {$(
                let mut call = pin!($call);
                begin(call.as_mut());
                assert_eq!(poll(call).is_ready(), is_over, stringify!($call));
            )*};
        }
        check! {
            limited(body());
            limited_by_key("a", body());
            limited_with_fallback(body());
        }
    }
}

#[test]
fn a_call_that_moves_to_another_runtime_keeps_its_limit() {
    let breaker = breaker(Config::new().timeout(secs(5)));
    let mut call = pin!(breaker.call(pending::<Result<(), Error>>()));
    begin(call.as_mut());
    let cut = calmly(|| runtime().block_on(call));
    assert!(matches!(cut, Err(CallError::Rejected(error)) if error.is_timeout()));
    let mut call = pin!(limited(pending()));
    begin(call.as_mut());
    assert!(matches!(calmly(|| runtime().block_on(call)), Err(Error::Open(error)) if error.is_timeout()));
}

#[test]
fn a_call_goes_on_without_the_limit_of_a_runtime_of_many_threads() {
    for end in [drop::<Runtime>, Runtime::shutdown_background] {
        let breaker = breaker(Config::new().timeout(secs(3600)));
        let home = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let mut call = pin!(breaker.call(pending::<Result<(), Error>>()));
        home.block_on(async { assert!(call.as_mut().now_or_never().is_none()) });
        assert!(poll(call.as_mut()).is_pending());
        end(home);
        assert!(poll(call.as_mut()).is_pending());
    }
}

/// tokio says by a panic alone that a runtime has no timer, so that is asked once.
#[test]
fn a_call_asks_a_runtime_without_a_timer_once() {
    for is_gone in [true, false] {
        let breaker = breaker(Config::new().timeout(secs(5)));
        let home = runtime();
        let mut call = pin!(breaker.call(pending::<Result<(), Error>>()));
        home.block_on(async { assert!(call.as_mut().now_or_never().is_none()) });
        let home = (!is_gone).then_some(home);
        let without_timer = Builder::new_current_thread().build().unwrap();
        without_timer.block_on(async { assert!(call.as_mut().now_or_never().is_none()) });
        without_timer.block_on(async { assert!(calmly(|| call.as_mut().now_or_never()).is_none()) });
        if let Some(home) = home {
            assert!(home.block_on(call).is_err(), "its own timer still runs");
        }
    }
}

#[test]
fn a_call_that_is_polled_outside_keeps_its_limit_while_its_own_runtime_is_there() {
    let breaker = breaker(Config::new().timeout(secs(5)));
    let home = runtime();
    let mut call = pin!(breaker.call(pending::<Result<(), Error>>()));
    home.block_on(async { assert!(call.as_mut().now_or_never().is_none()) });
    assert!(poll(call.as_mut()).is_pending());
    let cut = home.block_on(call);
    assert!(matches!(cut, Err(CallError::Rejected(error)) if error.is_timeout()));
}

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

#[circuit_breaker(fail_max = 10)]
#[retry(attempts = 3, min = "5s")]
async fn retried() -> Result<(), Error> {
    ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    ready(Err(Error::Refused)).await
}

#[test]
fn a_wait_for_another_attempt_ends_with_its_runtime() {
    let mut call = pin!(retried());
    begin(call.as_mut());
    assert_eq!(ATTEMPTS.load(Ordering::Relaxed), 1);
    assert!(matches!(poll(call), Poll::Ready(Err(Error::Refused))));
    assert_eq!(ATTEMPTS.load(Ordering::Relaxed), 2, "without a timer there is no third one");
    let mut call = pin!(retried());
    begin(call.as_mut());
    assert!(runtime().block_on(call).is_err());
    assert_eq!(ATTEMPTS.load(Ordering::Relaxed), 5);
}

/// Waits each time that it is asked.
struct Slow;

impl CacheStore<(), u8> for Slow {
    type Error = &'static str;

    async fn get(&self, (): &()) -> Result<Option<Stored<u8>>, &'static str> {
        once().await;
        Ok(None)
    }

    async fn put(&self, (): (), _: Stored<u8>) -> Result<(), &'static str> {
        once().await;
        Ok(())
    }
}

#[circuit_breaker]
#[fallback(cache(store = Slow, key = ()), value(2), on(failure))]
async fn stored(result: Result<u8, &'static str>) -> Result<u8, Error> {
    result.map_err(|_| Error::Refused)
}

#[test]
fn a_store_is_waited_for_outside_of_all_runtimes_too() {
    for (result, given) in [(Ok(1), 1), (Err("down"), 2)] {
        let mut call = pin!(stored(result));
        begin(call.as_mut());
        assert!(matches!(poll(call), Poll::Ready(Ok(n)) if n == given), "{result:?}");
    }
}

#[test]
fn whoever_waits_for_a_breaker_goes_on_waiting() {
    let breaker = breaker(Config::new());
    breaker.force_open_for(secs(3600));
    let mut waits = pin!(breaker.ready());
    begin(waits.as_mut());
    assert!(poll(waits.as_mut()).is_pending(), "outside of all runtimes");
    breaker.clear_override();
    assert!(poll(waits).is_ready(), "the breaker has changed");
    breaker.force_open_for(secs(3600));
    let mut waits = pin!(breaker.ready());
    begin(waits.as_mut());
    runtime().block_on(async {
        assert!(tokio::time::timeout(secs(1), waits.as_mut()).await.is_err());
        breaker.clear_override();
        waits.await;
    });
}
