//! Tests what a call of an annotated function does with the lock and the clock.

use crate::breaker::error::CircuitBreakerError;
use crate::clock;
use crate::config::keys::Config;
use crate::macro_support::callsite::Callsite;
use crate::macro_support::guarded_call::Callable;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

type Answer = Result<(), CircuitBreakerError>;

const SECOND: Duration = Duration::from_secs(1);

/// A call that succeeds at once.
fn call(callsite: &'static Callsite) {
    let body = ready::<Answer>(Ok(()));
    let call = Answer::call(callsite, body, |_| panic!("there is no error"));
    assert!(pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

const fn callsite(name: &'static str, config: &'static Config) -> Callsite {
    Callsite::typed(name, || "tests", false, false, config)
}

/// How often a call reads the clock. It runs under the machine's lock, and so must not take it.
fn readings(callsite: &'static Callsite) -> usize {
    const CALLS: usize = 20;
    // The first call of a thread takes the general way.
    call(callsite);
    let breaker = &callsite.found().breaker;
    let before = clock::readings();
    breaker.change(|_, _| {
        (0..CALLS).for_each(|_| call(callsite));
        ((), None)
    });
    let readings = clock::readings() - before;
    let shown = breaker.snapshot();
    assert_eq!(shown.success_count, CALLS as u64 + 1);
    if let Some(window) = shown.window {
        let all = if breaker.0.window.get().is_some_and(|window| window.is_timed()) { CALLS as u64 + 1 } else { 10 };
        assert_eq!((window.calls, window.failures, window.slow), (all, 0, 0));
    }
    // The change itself reads the clock once.
    assert_eq!((readings - 1) % CALLS, 0);
    (readings - 1) / CALLS
}

#[test]
fn a_success_takes_no_lock_and_reads_the_clock_no_more_than_it_has_to() {
    static PLAIN: Callsite = callsite("plain", &Config::new());
    static CALLS: Callsite = callsite("calls", &Config::new().failure_rate(0.5).window_calls(10));
    static TIME: Callsite = callsite("time", &Config::new().failure_rate(0.5).window(SECOND));
    static SLOW: Callsite = callsite("slow", &Config::new().slow_call_duration(SECOND).window_calls(10));
    static BOTH: Callsite = callsite("both", &Config::new().slow_call_duration(SECOND).window(SECOND));
    assert_eq!([&PLAIN, &CALLS, &TIME, &SLOW, &BOTH].map(readings), [0, 0, 1, 2, 2]);
}
