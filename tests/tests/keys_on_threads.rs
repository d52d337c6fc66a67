//! Keyed breakers that threads keep: threads that end, calls that move, evictions of what is kept.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{CircuitBreaker, CircuitBreakerError, Listener, Registry, circuit_breaker};
use futures_util::FutureExt as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

fn known(name: &str) -> Option<CircuitBreaker> {
    Registry::global().get(name)
}

fn successes(name: &str) -> u64 {
    known(name).unwrap().snapshot().success_count
}

/// Is ready at its second poll.
#[derive(Default)]
struct Later(bool);

impl Future for Later {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[circuit_breaker(name = "moving", key = host)]
async fn moving(host: &str) -> Result<(), CircuitBreakerError> {
    Later::default().await;
    Ok(())
}

#[test]
fn a_call_that_begins_on_one_thread_and_ends_on_another_is_counted_once() {
    let mut calls: Vec<_> = (0..100).map(|n| Box::pin(moving(["a", "b"][n % 2]))).collect();
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let ends = || calls.into_iter().for_each(|call| call.now_or_never().unwrap().unwrap());
    thread::scope(|scope| scope.spawn(ends).join().unwrap());
    assert_eq!([successes("moving[a]"), successes("moving[b]"), successes("moving")], [50, 50, 100]);
}

#[circuit_breaker(name = "short_lived", key = host, max_keys = 2)]
fn short_lived(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[test]
fn what_threads_that_have_ended_used_can_be_evicted_and_is_counted() {
    for round in 0..100 {
        let host = format!("host-{round}");
        let call = || (0..3).for_each(|_| short_lived(&host).unwrap());
        thread::scope(|scope| scope.spawn(call).join().unwrap());
    }
    assert_eq!(successes("short_lived"), 300);
    assert!(known("short_lived[*]").is_none(), "an idle one made room each time");
    assert!(known("short_lived[host-98]").is_some() && known("short_lived[host-97]").is_none());
}

#[circuit_breaker(name = "one_place", key = host, max_keys = 1)]
fn one_place(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[test]
fn a_breaker_that_is_evicted_while_a_thread_keeps_it_is_not_used_again() {
    one_place("a").unwrap();
    let evict = || one_place("b").unwrap();
    thread::scope(|scope| scope.spawn(evict).join().unwrap());
    assert!(known("one_place[a]").is_none());
    // This thread still has the first breaker.
    one_place("a").unwrap();
    assert_eq!(successes("one_place[a]"), 1, "it is a new one");
    assert!(known("one_place[b]").is_none());
    assert_eq!(successes("one_place"), 3);
}

#[circuit_breaker(name = "inner_calls", key = host)]
fn inner_calls(host: &str, depth: u32) -> Result<(), CircuitBreakerError> {
    if depth > 0 { inner_calls(host, depth - 1) } else { Ok(()) }
}

#[test]
fn calls_inside_calls_of_the_same_key_are_counted_once() {
    (0..10).for_each(|_| inner_calls("a", 3).unwrap());
    // The outer calls pass on what the innermost one counted.
    assert_eq!(successes("inner_calls[a]"), 10);
}

#[circuit_breaker(name = "left_family", key = host)]
fn left_family(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "right_family", key = host)]
fn right_family(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[test]
fn the_same_keys_of_two_names_have_breakers_of_their_own() {
    for n in 0..1000 {
        let host = format!("host-{}", n % 10);
        left_family(&host).unwrap();
        if n % 2 == 0 {
            right_family(&host).unwrap();
        }
    }
    assert_eq!([successes("left_family"), successes("right_family")], [1000, 500]);
    assert_eq!([successes("left_family[host-4]"), successes("right_family[host-4]")], [100, 100]);
}

#[circuit_breaker(name = "turns", key = host, max_keys = 50)]
fn turns(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[test]
fn threads_that_take_turns_and_new_keys_lose_no_success() {
    const EACH: u64 = 20_000;
    let call = |thread: u64| {
        for n in 0..EACH {
            // Some keys are used by all, and others make room for each other.
            let host = if n % 4 == 0 { format!("new-{thread}-{n}") } else { format!("host-{}", n % 20) };
            turns(&host).unwrap();
        }
    };
    thread::scope(|scope| (0..4).for_each(|thread| _ = scope.spawn(move || call(thread))));
    assert_eq!(successes("turns"), 4 * EACH);
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Calls a function with a key while it is dropped, which may be while its thread ends.
struct CallsInDrop;

impl Listener for CallsInDrop {}

impl Drop for CallsInDrop {
    fn drop(&mut self) {
        one_of_drop("a").unwrap();
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

#[circuit_breaker(name = "one_of_drop", key = host)]
fn one_of_drop(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[circuit_breaker(name = "with_listener", key = host, max_keys = 1)]
fn with_listener(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

#[test]
fn a_listener_that_calls_while_it_is_dropped_by_a_thread_that_ends() {
    let end = || {
        with_listener("a").unwrap();
        known("with_listener[a]").unwrap().add_listener(CallsInDrop);
        with_listener("a").unwrap();
        // Another thread evicts it, so that this one has the last reference.
        let evict = || with_listener("b").unwrap();
        thread::scope(|scope| scope.spawn(evict).join().unwrap());
    };
    thread::scope(|scope| scope.spawn(end).join().unwrap());
    // It was evicted, or a listener of its own has kept it.
    let dropped = DROPPED.load(Ordering::Relaxed);
    assert_eq!(known("one_of_drop").map_or(0, |breaker| breaker.snapshot().success_count), dropped as u64);
    assert_eq!(successes("with_listener"), 3);
}

#[test]
fn a_thread_local_that_calls_while_its_thread_ends_is_counted() {
    #[circuit_breaker(name = "at_the_end", key = host)]
    fn at_the_end(host: &str) -> Result<(), CircuitBreakerError> {
        Ok(())
    }
    struct AtTheEnd;
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            at_the_end("a").unwrap();
        }
    }
    std::thread_local!(static FIRST: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) });
    let end = || {
        // Its destructor is registered before the cache's, and after it in a second thread.
        FIRST.with(|first| *first.borrow_mut() = Some(AtTheEnd));
        at_the_end("a").unwrap();
    };
    let begin = || {
        at_the_end("a").unwrap();
        FIRST.with(|first| *first.borrow_mut() = Some(AtTheEnd));
    };
    thread::spawn(end).join().unwrap();
    thread::spawn(begin).join().unwrap();
    assert_eq!(successes("at_the_end[a]"), 4);
}

#[circuit_breaker(name = "in_order", key = host, max_keys = 3)]
fn in_order(host: &str) -> Result<(), CircuitBreakerError> {
    Ok(())
}

/// Each round has other keys, since a key's place in the table decides between equal stamps.
#[test]
fn a_key_that_is_new_or_was_asked_for_is_younger_than_those_used_before() {
    in_order("first").unwrap();
    let parent = known("in_order").unwrap();
    for round in 0..50 {
        let name = |n: u32| format!("{round}-{n}");
        let is_known = |n| known(&format!("in_order[{}]", name(n))).is_some();
        for n in [0, 1, 2, 0, 1, 3, 4, 5] {
            in_order(&name(n)).unwrap();
        }
        assert_eq!([0, 1, 2, 3].map(is_known), [false, false, false, true], "3 was used after 0 and 1");
        drop(parent.for_key(&name(3)).unwrap());
        in_order(&name(6)).unwrap();
        assert_eq!([3, 4].map(is_known), [true, false], "a request for 3 is a use");
        for n in [3, 5] {
            in_order(&name(n)).unwrap();
        }
        in_order(&name(7)).unwrap();
        assert_eq!([3, 5, 6].map(is_known), [true, true, false], "6 was used before 3 and 5");
    }
}
