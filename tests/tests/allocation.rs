//! Neither the closed path nor a rejection allocates.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use allocation_counter::measure;
use breaker_core::{CircuitBreakerError, Config, Registry, State, circuit_breaker};
use common::{breaker, open, secs};
use futures_util::FutureExt;

#[derive(Debug)]
struct Failed;

impl From<CircuitBreakerError> for Failed {
    fn from(_: CircuitBreakerError) -> Self {
        Self
    }
}

#[circuit_breaker(name = "allocations", fail_max = 3, timeout = "5s")]
async fn annotated(text: &str, fails: bool) -> Result<usize, Failed> {
    if fails { Err(Failed) } else { Ok(text.len()) }
}

#[circuit_breaker(name = "allocations_sync", fail_max = 3)]
fn annotated_sync(text: &str) -> Result<usize, Failed> {
    Ok(text.len())
}

fn allocations(f: impl FnOnce()) -> u64 {
    measure(f).count_total
}

#[test]
fn an_annotated_call_on_a_closed_breaker_allocates_nothing() {
    annotated("first", false).now_or_never().unwrap().unwrap();
    annotated_sync("first").unwrap();
    let count = allocations(|| {
        for _ in 0..100 {
            annotated("then", false).now_or_never().unwrap().unwrap();
            annotated_sync("then").unwrap();
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn a_rejected_call_allocates_nothing() {
    let (opened, full) =
        (breaker(Config::new()), breaker(Config::new().recovery_timeout(secs(0)).probe_timeout(secs(60))));
    open(&opened);
    open(&full);
    let _probe = full.try_acquire().unwrap();
    assert_eq!((opened.state(), full.state()), (State::Open, State::HalfOpen));
    let count = allocations(|| {
        for _ in 0..100 {
            opened.try_acquire().unwrap_err();
            full.try_acquire().unwrap_err();
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn a_counted_failure_allocates_nothing_after_the_first() {
    annotated("first", true).now_or_never().unwrap().unwrap_err();
    let breaker = Registry::global().get("allocations").unwrap();
    let count = allocations(|| {
        for _ in 0..100 {
            annotated("then", true).now_or_never().unwrap().unwrap_err();
            annotated("then", false).now_or_never().unwrap().unwrap();
        }
    });
    assert_eq!(count, 0);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn calls_that_a_window_looks_at_allocate_nothing_whatever_its_size() {
    let rule = Config::new().fail_max(u32::MAX).failure_rate(1.0).slow_call(secs(5));
    for config in [rule.window_calls(10), rule.window_calls(100_000), rule.window(secs(3600))] {
        let breaker = breaker(config);
        let call = |fails: bool| {
            let permit = breaker.try_acquire().unwrap();
            if fails { permit.failure() } else { permit.success() }
        };
        call(false);
        call(true);
        let count = allocations(|| (0..1000).for_each(|n| call(n % 3 == 0)));
        assert_eq!(count, 0);
        assert_eq!(breaker.state(), State::Closed);
    }
}
