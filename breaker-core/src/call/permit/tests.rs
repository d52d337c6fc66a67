//! Tests what a permit does with the lock, the clock and the window.

use super::*;
use crate::clock;
use crate::config::keys::Config;
use crate::config::types::OnPanic;
use crate::machine::state::State;
#[cfg(feature = "test-util")]
use crate::machine::window::Added;
use crate::sync::{Arc, AtomicU64};
use crate::telemetry::event::{Ignored, Listener};
#[cfg(feature = "tokio")]
use std::future::Future;
use std::time::Duration;

/// Runs `f` under the machine's lock: code in it that took that lock would wait forever.
fn under_the_lock(breaker: &CircuitBreaker, f: impl FnOnce()) -> usize {
    let before = clock::readings();
    breaker.change(|_, _| {
        f();
        ((), None)
    });
    // The change itself reads the clock once.
    clock::readings() - before - 1
}

#[test]
fn the_closed_path_takes_no_lock_and_reads_no_clock() {
    let breaker = CircuitBreaker::new("test", Config::new().timeout(Duration::from_secs(1))).unwrap();
    let readings = under_the_lock(&breaker, || {
        for _ in 0..10 {
            breaker.try_acquire().unwrap().success();
        }
    });
    assert_eq!(readings, 0);
    assert_eq!(breaker.snapshot().success_count, 10);
}

#[test]
fn a_success_under_a_limit_and_a_busy_call_take_no_lock() {
    let limit = Config::new().max_concurrent(1);
    for config in [limit, limit.failure_rate(0.5).window_calls(10)] {
        let breaker = CircuitBreaker::new("test", config).unwrap();
        let readings = under_the_lock(&breaker, || {
            for _ in 0..10 {
                breaker.try_acquire().unwrap().success();
                breaker.call_sync(|| Ok::<_, ()>(())).unwrap();
            }
        });
        assert_eq!(readings, 0, "{config:?}");
        let held = breaker.try_acquire().unwrap();
        let readings = under_the_lock(&breaker, || {
            for _ in 0..10 {
                assert!(breaker.try_acquire().unwrap_err().is_busy());
            }
        });
        assert_eq!(readings, 10, "as any rejected call");
        held.success();
        assert_eq!((breaker.snapshot().success_count, breaker.snapshot().busy_count), (21, 10));
    }
}

#[test]
fn calls_within_calls_take_no_lock_and_read_no_clock() {
    fn nested(breakers: [&CircuitBreaker; 2], levels: usize) -> Result<(), ()> {
        let inside = || if levels == 0 { Ok(()) } else { nested(breakers, levels - 1) };
        let [breaker, _] = if levels.is_multiple_of(3) { breakers } else { [breakers[1], breakers[0]] };
        let held = breaker.try_acquire().unwrap().run_sync(inside);
        held.and_then(|()| breaker.call_sync(|| Ok(()))).map_err(|_| ())
    }
    let [one, two] = ["one", "two"].map(|name| CircuitBreaker::new(name, Config::new()).unwrap());
    for breaker in [&one, &two] {
        let readings = under_the_lock(breaker, || nested([&one, &two], 7).unwrap());
        assert_eq!(readings, 0);
    }
    let counts = [&one, &two].map(|breaker| breaker.snapshot().success_count);
    assert_eq!(counts, [8, 12], "each call of `call_sync`, and the innermost of the others");
}

#[test]
fn a_success_in_a_window_takes_no_lock_and_reads_the_clock_no_more_than_it_has_to() {
    let second = Duration::from_secs(1);
    let (calls, time) =
        (Config::new().failure_rate(0.5).window_calls(10), Config::new().window(second).window_fail_max(9));
    for (config, expected) in
        [(calls, 0), (time, 1), (calls.slow_call_duration(second), 2), (time.slow_call_duration(second), 2)]
    {
        let breaker = CircuitBreaker::new("test", config).unwrap();
        let readings = under_the_lock(&breaker, || {
            for _ in 0..20 {
                breaker.try_acquire().unwrap().success();
            }
        });
        assert_eq!(readings, expected * 20, "{config:?}");
        assert_eq!(breaker.snapshot().success_count, 20);
        let window = breaker.snapshot().window.unwrap();
        assert_eq!(window.calls, if breaker.0.window.get().unwrap().is_timed() { 20 } else { 10 });
    }
}

#[test]
fn threads_that_add_to_a_window_at_once_lose_no_success_and_no_failure() {
    let rule = Config::new().fail_max(u32::MAX).failure_rate(1.0);
    for config in [rule.window_calls(100_000), rule.window(Duration::from_secs(3600))] {
        let breaker = CircuitBreaker::new("test", config).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let breaker = &breaker;
                scope.spawn(move || {
                    for call in 0..5000 {
                        let permit = breaker.try_acquire().unwrap();
                        if (call + thread) % 5 == 0 { permit.failure() } else { permit.success() }
                    }
                });
            }
        });
        let window = breaker.snapshot().window.unwrap();
        assert_eq!((window.calls, window.failures, window.slow), (20_000, 4000, 0));
    }
}

#[test]
fn a_window_holds_what_it_should_after_threads_resets_and_other_sizes() {
    let rule = Config::new().fail_max(u32::MAX).failure_rate(1.0).slow_call_duration(Duration::from_secs(60));
    let breaker = CircuitBreaker::new("test", rule.window_calls(50)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let breaker = &breaker;
            scope.spawn(move || {
                for call in 0..20_000 {
                    let permit = breaker.try_acquire().unwrap();
                    if (call + thread) % 7 == 0 { permit.failure() } else { permit.success() }
                }
            });
        }
        let sizes = [
            Config::new().window_calls(3000),
            Config::new().window(Duration::from_millis(60)),
            Config::new().window_calls(50),
        ];
        for turn in 0..300 {
            breaker.reconfigure(sizes[turn % sizes.len()]).unwrap();
            if turn % 5 == 0 {
                breaker.reset();
            }
        }
    });
    for config in [Config::new().window_calls(40), Config::new().window_calls(3000), Config::new().window_calls(50)] {
        breaker.reconfigure(config).unwrap();
        let found = breaker.snapshot().window.unwrap();
        assert!(found.failures + found.slow <= found.calls, "{found:?}");
        (0..3000).for_each(|_| breaker.try_acquire().unwrap().success());
        let full = breaker.snapshot().window.unwrap();
        assert_eq!((full.failures, full.slow), (0, 0), "nothing is left over from another size");
    }
}

#[test]
fn a_failure_that_only_makes_a_streak_longer_is_counted_and_publishes_nothing() {
    let breaker = CircuitBreaker::new("test", Config::new().fail_max(4)).unwrap();
    let fail = || breaker.try_acquire().unwrap().failure();
    fail();
    let packed = breaker.0.gate.packed();
    (0..2).for_each(|_| fail());
    let shown = breaker.snapshot();
    assert_eq!((shown.consecutive_failures, shown.failure_count, shown.state), (3, 3, State::Closed));
    assert_eq!(breaker.0.gate.packed(), packed);
    fail();
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn its_debug_shows_the_breaker() {
    let breaker = CircuitBreaker::new("test", Config::new()).unwrap();
    assert_eq!(format!("{:?}", breaker.try_acquire().unwrap()), "Permit { breaker: \"test\", .. }");
}

#[cfg(feature = "tokio")]
#[test]
fn a_call_with_a_time_limit_that_is_ready_at_once_takes_no_lock_and_reads_no_clock() {
    let breaker = CircuitBreaker::new("test", Config::new().timeout(Duration::from_secs(1))).unwrap();
    let readings = under_the_lock(&breaker, || {
        let mut call = std::pin::pin!(breaker.call(async { Ok::<_, ()>(()) }));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_ready());
    });
    assert_eq!(readings, 0);
}

#[test]
fn a_rejection_takes_no_lock_and_reads_the_clock_once() {
    let open = CircuitBreaker::new("open", Config::new().fail_max(1)).unwrap();
    open.try_acquire().unwrap().failure();
    let full = CircuitBreaker::new("full", Config::new().fail_max(1).recovery_timeout(Duration::ZERO)).unwrap();
    full.try_acquire().unwrap().failure();
    let probe = full.try_acquire().unwrap();
    let forced = CircuitBreaker::new("forced", Config::new()).unwrap();
    forced.force_open();
    for (breaker, state) in [(&open, State::Open), (&full, State::HalfOpen), (&forced, State::ForcedOpen)] {
        let readings = under_the_lock(breaker, || {
            for _ in 0..10 {
                assert_eq!(breaker.try_acquire().unwrap_err().state(), state);
            }
        });
        assert_eq!(readings, 10, "{state}");
    }
    drop(probe);
}

#[cfg(feature = "test-util")]
#[tokio::test(start_paused = true)]
async fn a_success_that_finds_an_expired_bucket_rotates_it_and_never_waits_for_the_lock() {
    let rule = Config::new().failure_rate(0.5).window(Duration::from_secs(60));
    let breaker = CircuitBreaker::new("test", rule).unwrap();
    let succeed = || breaker.try_acquire().unwrap().success();
    let is_late = || breaker.0.window.get().unwrap().add_success(clock::now()) == Added::BucketExpired;
    succeed();
    assert!(!is_late());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(is_late());
    under_the_lock(&breaker, succeed);
    assert!(is_late(), "it was counted for the bucket that is over");
    succeed();
    assert!(!is_late(), "the call that gets the lock turns the bucket");
    assert_eq!(breaker.snapshot().success_count, 3);
}

#[test]
fn an_ignored_result_is_reported() {
    #[derive(Default)]
    struct Reported(AtomicU64);
    impl Listener for Arc<Reported> {
        fn on_ignored(&self, event: &Ignored<'_>) {
            assert_eq!((event.breaker.name(), event.function), ("test", None));
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (breaker, reported) = (CircuitBreaker::new("test", Config::new()).unwrap(), Arc::<Reported>::default());
    breaker.add_listener(Arc::clone(&reported));
    breaker.try_acquire().unwrap().ignore();
    breaker.try_acquire().unwrap().success();
    assert_eq!(reported.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_call_over_its_time_limit_is_a_time_out_even_when_its_body_panics_in_its_drop() {
    let breaker = CircuitBreaker::new("test", Config::new().on_panic(OnPanic::Ignore)).unwrap();
    let permit = breaker.try_acquire().unwrap();
    permit.time_out();
    drop(permit);
    let shown = breaker.snapshot();
    assert_eq!((shown.failure_count, shown.last_error.unwrap().kind), (1, "timeout"));
}
