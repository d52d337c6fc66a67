//! Runs the situations, and describes each result in the words of the table.

use breaker_compare::{Answer, Body, Call, Fault, LONG, MARK, Rival, State, spin_until};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub(crate) async fn a_probe_is_dropped<R: Rival>() -> &'static str {
    let breaker = half_open::<R>().await;
    for _ in 0..100 {
        let mut probe = breaker.call(Box::pin(pending()));
        assert_eq!(poll(&mut probe), Poll::Pending, "a probe was admitted");
    }
    match breaker.call(body(Ok(()))).await {
        Ok(()) => "the next one is admitted",
        Err(_) => "the next one is rejected",
    }
}

pub(crate) async fn a_call_panics<R: Rival>() -> &'static str {
    let breaker = R::long();
    for _ in 0..R::FAILURES {
        let call = AssertUnwindSafe(breaker.call(panicking())).catch_unwind().await;
        assert!(call.is_err(), "the panic goes on");
    }
    match breaker.state() {
        State::Open => "counted: it opens",
        _ => "not counted",
    }
}

pub(crate) async fn a_probe_panics<R: Rival>() -> &'static str {
    let breaker = half_open::<R>().await;
    for _ in 0..R::DECISIVE {
        let probe = AssertUnwindSafe(breaker.call(panicking())).catch_unwind().await;
        assert!(probe.is_err(), "the panic goes on");
    }
    shown(breaker.state())
}

pub(crate) async fn a_probe_ends_with_an_excluded_error<R: Rival>() -> &'static str {
    let breaker = half_open::<R>().await;
    for _ in 0..R::DECISIVE {
        assert_eq!(breaker.call(body(Err(Fault::Caller))).await, Err(Answer::Fault(Fault::Caller)));
    }
    shown(breaker.state())
}

pub(crate) async fn a_success_comes_late<R: Rival>() -> &'static str {
    a_result_comes_late::<R>(Ok(())).await
}

pub(crate) async fn a_failure_comes_late<R: Rival>() -> &'static str {
    a_result_comes_late::<R>(Err(Fault::Service)).await
}

async fn a_result_comes_late<R: Rival>(result: Result<(), Fault>) -> &'static str {
    let breaker = R::short();
    let mut late: Vec<_> = (0..R::DECISIVE).map(|_| under_way(&breaker)).collect();
    open(&breaker).await;
    breaker.wait().await;
    let (_probe, _unanswered) = under_way(&breaker);
    for (call, answer) in &mut late {
        answer.take().expect("one answer").send(result).expect("the body waits for it");
        assert_eq!(call.await, result.map_err(Answer::Fault));
    }
    shown(breaker.state())
}

pub(crate) async fn a_hundred_threads_meet_the_edge<R: Rival>() -> &'static str {
    let breaker = R::short();
    open(&breaker).await;
    breaker.wait().await;
    let barrier = Arc::new(Barrier::new(100));
    let threads: Vec<_> = (0..100).map(|_| caller(breaker.clone(), barrier.clone())).collect();
    // A task that waits for a lock with one of tokio's timers waits for tokio's clock.
    while !threads.iter().all(JoinHandle::is_finished) {
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    // A dropped call gives its slot back, so the test keeps all calls until it has counted them.
    let calls: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("it ends")).collect();
    match calls.iter().filter(|(_, runs)| runs.load(Ordering::SeqCst)).count() {
        1 => "1",
        100 => "100",
        other => panic!("{other} bodies ran"),
    }
}

/// A thread that waits for 99 others and then makes a call. It polls the call until the body runs
/// or the breaker rejects it.
fn caller<R: Rival>(breaker: R, barrier: Arc<Barrier>) -> JoinHandle<(Call, Arc<AtomicBool>)> {
    let runtime = Handle::current();
    std::thread::spawn(move || {
        // The clock of breaker-core is that of the runtime.
        let _runtime = runtime.enter();
        let runs = Arc::new(AtomicBool::new(false));
        let tell = runs.clone();
        let mut call = breaker.call(Box::pin(async move {
            tell.store(true, Ordering::SeqCst);
            pending().await
        }));
        barrier.wait();
        spin_until(|| poll(&mut call).is_ready() || runs.load(Ordering::SeqCst));
        (call, runs)
    })
}

pub(crate) async fn tokios_paused_clock_is_advanced<R: Rival>() -> &'static str {
    let breaker = R::long();
    open(&breaker).await;
    tokio::time::advance(LONG).await;
    match breaker.call(body(Ok(()))).await {
        Ok(()) => "a probe is admitted",
        Err(_) => "it stays open",
    }
}

pub(crate) async fn a_call_is_inside_another<R: Rival>() -> &'static str {
    let breaker = R::after(4);
    let mut calls = 0;
    while breaker.call(within(&breaker, Err(Fault::Service))).await != Err(Answer::Rejected) {
        calls += 1;
    }
    match calls {
        2 => "2",
        4 => "4",
        other => panic!("{other} calls"),
    }
}

pub(crate) async fn a_probe_is_inside_another<R: Rival>() -> &'static str {
    let breaker = half_open::<R>().await;
    match breaker.call(within(&breaker, Ok(()))).await {
        Ok(()) => "it is admitted",
        Err(_) => "it is rejected",
    }
}

/// A body that makes a call through the same breaker, and fails as that does.
fn within<R: Rival>(breaker: &R, result: Result<(), Fault>) -> Body {
    let inner = breaker.call(body(result));
    Box::pin(inner.map(|result| result.map_err(|_| Fault::Service)))
}

pub(crate) async fn another_breaker_rejects<R: Rival>() -> &'static str {
    let rejecting = R::long();
    open(&rejecting).await;
    match R::state_behind(rejecting).await {
        State::Open => "counted: it opens",
        _ => "not counted",
    }
}

pub(crate) async fn a_stream_breaks_off<R: Rival>() -> &'static str {
    streams_end::<R>(&[Ok("a word"), Err(Fault::Service)]).await
}

pub(crate) async fn a_stream_ends_without_its_mark<R: Rival>() -> &'static str {
    streams_end::<R>(&[Ok("a word")]).await
}

/// Reads this stream to its end, as often as failures open the breaker.
async fn streams_end<R: Rival>(items: &'static [Result<&'static str, Fault>]) -> &'static str {
    let breaker = R::long();
    for _ in 0..R::FAILURES {
        let mut read = breaker.stream(stream::iter(items.iter().copied()).boxed());
        for item in items {
            assert_eq!(read.next().await, Some(item.map_err(Answer::Fault)));
        }
        // failsafe's stream does not end while its breaker is open.
        assert!(matches!(read.next().await, None | Some(Err(Answer::Rejected))));
    }
    match breaker.state() {
        State::Open => "counted: it opens",
        _ => "not counted",
    }
}

pub(crate) async fn a_probe_is_a_stream<R: Rival>() -> &'static str {
    for (items, answer) in [
        (&[][..], "before its first item"),
        (&["a word"], "at its first item"),
        (&["a word", "another", MARK], "at the item that is its mark"),
    ] {
        let breaker = half_open::<R>().await;
        let answers = || stream::iter(items).map(|item| Ok(*item)).chain(stream::pending()).boxed();
        let mut streams: Vec<_> = (0..R::DECISIVE).map(|_| breaker.stream(answers())).collect();
        for read in &mut streams {
            for item in items {
                assert_eq!(read.next().await, Some(Ok(*item)));
            }
            assert_eq!(read.next().now_or_never(), None, "the stream goes on");
        }
        if breaker.state() == State::Closed {
            return answer;
        }
    }
    "at its end"
}

pub(crate) async fn calls_go_well_before_they_fail<R: Rival>() -> &'static str {
    let Some(breaker) = R::half_of_ten() else { return "it has no window of calls" };
    for _ in 0..1000 {
        assert_eq!(breaker.call(body(Ok(()))).await, Ok(()));
    }
    let mut failures = 0;
    while breaker.call(body(Err(Fault::Service))).await != Err(Answer::Rejected) {
        failures += 1;
    }
    match failures {
        5 => "5",
        6 => "6",
        1000 => "1000",
        other => panic!("{other} failures"),
    }
}

fn shown(state: State) -> &'static str {
    match state {
        State::Closed => "it closes",
        State::Open => "it opens again",
        State::HalfOpen => "it stays half-open",
    }
}

/// A breaker that will admit its first probe.
async fn half_open<R: Rival>() -> R {
    let breaker = R::short();
    open(&breaker).await;
    breaker.wait().await;
    let (probe, _) = under_way(&breaker);
    drop(probe);
    breaker
}

/// Opens the breaker by failures.
async fn open<R: Rival>(breaker: &R) {
    for _ in 0..R::FAILURES {
        assert_eq!(breaker.call(body(Err(Fault::Service))).await, Err(Answer::Fault(Fault::Service)));
    }
}

fn body(result: Result<(), Fault>) -> Body {
    Box::pin(ready(result))
}

fn panicking() -> Body {
    Box::pin(async { std::panic::resume_unwind(Box::new("the body")) })
}

/// A call whose body runs until the test says how it ends.
fn under_way<R: Rival>(breaker: &R) -> (Call, Option<oneshot::Sender<Result<(), Fault>>>) {
    let (answer, told) = oneshot::channel();
    let mut call = breaker.call(Box::pin(async { told.await.expect("it is told") }));
    assert_eq!(poll(&mut call), Poll::Pending, "the call was admitted");
    (call, Some(answer))
}

fn poll(call: &mut Call) -> Poll<Result<(), Answer>> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
